#!/usr/bin/env bash
# install.sh FOLDER: the clients that `make test-dropin` tries beside the two Python ones: npm's in FOLDER/node_modules, the
# frameworks in FOLDER/venv; 0.6 GB, at the versions of package-lock.json and constraints.txt.  Again: only what changed.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
command -v npm > /dev/null || { echo "The JavaScript clients need Node 20 or newer with npm. On Debian: apt-get install nodejs npm"; exit 1; }
mkdir -p "$folder"
if ! cmp -s "$here/package-lock.json" "$folder/installed-lock.json"; then
  cp "$here/package.json" "$here/package-lock.json" "$folder"
  # openai asks for Node 22 in its manifest; npm warns, and on Node 20 it works all the same.
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$here/package-lock.json" "$folder/installed-lock.json"
fi
if ! cmp -s "$here/constraints.txt" "$folder/venv/constraints.txt"; then
  "${PYTHON:-python3}" -m venv --clear "$folder/venv"
  "$folder/venv/bin/pip" --disable-pip-version-check install -q -c "$here/constraints.txt" \
    langchain-openai langchain-mistralai 'pydantic-ai-slim[openai,mistral]' llama-index-llms-mistralai
  cp "$here/constraints.txt" "$folder/venv"
fi
