#!/bin/sh
# mkvenv.sh VENV [PYTHON]: make the virtual environment VENV with PYTHON, or with the first suitable Python found.
# A suitable one runs, is in the range that settings.ini names, and has the venv and ensurepip modules.
set -eu
venv=$1; wanted=${2:-}
setting() { sed -n "s/^$1 *= *//p" settings.ini; }
lo=$(setting min_python); hi=$(setting max_python)
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
in_range() { case "$1" in 3.*) [ "${1#3.}" -ge "${lo#3.}" ] && [ "${1#3.}" -le "${hi#3.}" ];; *) false;; esac; }
complete() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }
die() { printf '%s\n' "$@" >&2; exit 1; }

if [ -n "$wanted" ]; then
  v=$(version "$wanted") || die "make: PYTHON=$wanted does not run."
  in_range "$v" || die "make: PYTHON=$wanted is Python $v; twossp needs $lo to $hi." \
                       "      Name another, for example: make PYTHON=python$hi"
  complete "$wanted" || die "make: PYTHON=$wanted has no venv module (on Debian and Ubuntu: apt-get install python$v-venv)."
  py=$wanted
else
  py=; seen=
  for p in python3 python3.13 python3.12 python3.11 /usr/bin/python3 python; do
    v=$(version "$p") || continue
    if ! in_range "$v"; then seen="$seen $p ($v)"; continue; fi
    if ! complete "$p"; then seen="$seen $p ($v, no venv module: python$v-venv on Debian and Ubuntu)"; continue; fi
    py=$p; break
  done
  [ -n "$py" ] || die "make: no suitable Python found; twossp needs Python $lo to $hi." \
    "      Seen:${seen:- none}. Install one, then name it: make PYTHON=/path/to/python$hi"
fi
echo "Virtual environment $venv with $("$py" --version) ($("$py" -c 'import sys; print(sys.executable)'))"
"$py" -m venv --clear "$venv"
