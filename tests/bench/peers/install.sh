#!/usr/bin/env bash
# The peers that `make bench` compares with, in a folder of their own: LiteLLM and Portkey.  About 1 GB.
set -euo pipefail
folder=${1:?usage: install.sh FOLDER}
mkdir -p "$folder"
if [ ! -x "$folder/litellm/bin/litellm" ]; then
  "${PYTHON:-python3}" -m venv "$folder/litellm"
  "$folder/litellm/bin/pip" --disable-pip-version-check install -q 'litellm[proxy]'
fi
if [ ! -d "$folder/portkey/node_modules/@portkey-ai/gateway" ]; then
  mkdir -p "$folder/portkey"
  # With later ones its 1.15.2 answers every stream with 500: they hand it headers that cannot be added to.
  echo '{"dependencies": {"@portkey-ai/gateway": "1.15.2"}, "overrides": {"@hono/node-server": "1.13.8"}}' > "$folder/portkey/package.json"
  (cd "$folder/portkey" && npm install --no-audit --no-fund --silent)
fi
