#!/bin/sh
# Runs the tests on a fresh clone: installs the packages, compiles, sets the machine up when that is possible, runs every test file.
#
#   npm test                     everything
#   npm test -- e2e parse        only files whose path has one of the words
#   npm run bench                the measurements instead of the tests
#   npm run conformance -- --tool buildah    the conformance rows with another tool
#   npm run mutate -- redirect   breaks rules on purpose, and says which of these no test notices
#
# With CI=true a skipped test is a failure.
set -eu
cd "$(dirname "$0")/.."

what=tests
case "${1:-}" in
  --bench | --conformance | --mutate)
    what=${1#--}
    shift
    ;;
esac

# npm leaves this file behind when it is done.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "Installing packages"
  npm ci --no-audit --no-fund --loglevel=error
fi

npm run --silent build

files=
if [ "$what" = tests ]; then
  files=$(find dist/test -name '*.test.js' | sort)
  if [ $# -gt 0 ]; then
    pattern=$(printf '%s|' "$@")
    files=$(printf '%s\n' "$files" | grep -E "${pattern%|}") || {
      echo "No test file matches: $*" >&2
      exit 2
    }
  fi
fi

# Most files of the parser and the plan need nothing of the machine.
# shellcheck disable=SC2086
if [ -z "$files" ] || grep -qE 'support/(requires|users|sandbox)\.js|executor/.*lab' $files; then
  sh test/setup.sh
  needs_program=true
else
  needs_program=false
fi

if [ "$what" = mutate ]; then
  exec node --enable-source-maps dist/test/mutate/main.js "$@"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/tsbuild-suite-XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Ordinary users drive the program, so it must lie where they can read it.
TSBUILD_TEST_PROGRAM="$work/program"
export TSBUILD_TEST_PROGRAM
if [ "$needs_program" = true ]; then node dist/test/support/install-program.js "$TSBUILD_TEST_PROGRAM"; fi

case "$what" in
  bench)
    node --enable-source-maps dist/test/bench/main.js "$@"
    exit
    ;;
  conformance)
    node --enable-source-maps dist/test/conformance/compare.js "$@"
    exit
    ;;
esac

# Many tests wait for processes, so there is work for one more than the processors.
concurrency=$(($(getconf _NPROCESSORS_ONLN) + 1))
status=0
# There is no limit of time, which a busy machine would exceed. The reporter names the files that are silent for long.
# shellcheck disable=SC2086
node --enable-source-maps --test --test-concurrency="$concurrency" \
  --test-reporter="${TSBUILD_TEST_REPORTER:-./dist/test/support/brief-reporter.js}" --test-reporter-destination=stdout \
  --test-reporter=./dist/test/support/skip-reporter.js --test-reporter-destination="$work/skipped" \
  $files || status=$?

if [ -s "$work/skipped" ]; then
  echo "Skipped:"
  sed 's/^/  /' "$work/skipped"
  if [ "${CI:-false}" = true ]; then
    echo "error: in CI no test may be skipped" >&2
    status=1
  fi
fi
exit $status
