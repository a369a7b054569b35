#!/usr/bin/env bash
# For a GPU machine without a network, whose python3 has PyTorch, transformers, torchvision, numpy and pillow:
#   offline.sh pack FOLDER [PYTHON_VERSION]   here: all else that the gateway, its tests and the server need, as wheels
#   offline.sh run FOLDER [PYTEST_OPTIONS]    there: unpacks them beside that python3's own, and runs tests/gpu with it
set -euo pipefail
cd "$(dirname "$0")/../.."
action=${1:?pack or run} wheels=$(realpath -m "${2:?a folder}")
case $action in
  pack)
    platforms=()
    for tag in manylinux_2_28 manylinux_2_27 manylinux_2_24 manylinux_2_17 manylinux2014 manylinux_2_5 manylinux1; do
      platforms+=(--platform "${tag}_x86_64")
    done
    names=$(python3 -c 'import tomllib
print(*(name.partition(";")[0].strip() for name in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))')
    # shellcheck disable=SC2086 - a list of names
    python3 -m pip --disable-pip-version-check download -q --only-binary=:all: --implementation cp --python-version "${3:-3.12}" \
      "${platforms[@]}" -c constraints.txt -d "$wheels" $names pytest pytest-timeout hypothesis fastapi openai
    rm -f "$wheels"/numpy-*.whl "$wheels"/pillow-*.whl  # they must fit the PyTorch that is there
    ;;
  run)
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    python3 -m pip --disable-pip-version-check install -q --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
    export PYTHONPATH=$site:$PWD:$PWD/sdk/src TOLLWAY_TEST_GPU_PYTHON=${TOLLWAY_TEST_GPU_PYTHON:-$(command -v python3)}
    python3 -m pytest tests/gpu -m gpu "${@:3}"
    ;;
  *) echo "pack or run, not $action" >&2; exit 2 ;;
esac
