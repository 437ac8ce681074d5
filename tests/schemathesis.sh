#!/usr/bin/env bash
# Schemathesis against the running api: it makes up requests from /openapi.json, good and bad ones, and no answer may be
# a 5xx, have a status that the document does not know, or a body that is not of the documented shape.
#
#   tests/schemathesis.sh [MAX_EXAMPLES]        requests made up for each operation, besides the systematic ones
#
# Exit code 75: Schemathesis is not to be had here (no Python, no PyPI), so nothing was checked.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VERSION=4.32.5
readonly EXAMPLES=${1:-30}
readonly HOME_OF_IT=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/crisp-ci/schemathesis-$VERSION
readonly NOT_TO_BE_HAD=75
readonly FAULTS=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth,unsupported_method
WORK=$(mktemp -d)
DEMO=

end() {
    if [[ -n $DEMO ]]; then
        kill -INT "$DEMO" 2>/dev/null && wait "$DEMO" 2>/dev/null || true
    fi
    rm -rf "$WORK"
}
trap end EXIT

# A virtual environment of its own, made once.
install() {
    [[ -x $HOME_OF_IT/bin/schemathesis ]] && return 0
    rm -rf "$HOME_OF_IT"
    python3 -m venv "$HOME_OF_IT" || return 1
    timeout 180 "$HOME_OF_IT/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION" && return 0
    rm -rf "$HOME_OF_IT"
    return 1
}

# The demo is an api, a worker and a simulated Crisp with a finished import behind them.
start() {
    cargo build --quiet --locked --package demo
    # Not through cargo, which would stand between us and its end.
    "${CARGO_TARGET_DIR:-target}/debug/demo" --people 60 --conversations 40 >"$WORK/demo.log" 2>&1 &
    DEMO=$!
    for _ in $(seq 120); do
        grep -q '^export TOKEN=' "$WORK/demo.log" && return 0
        kill -0 "$DEMO" 2>/dev/null || break
        sleep 1
    done
    cat "$WORK/demo.log" >&2
    return 1
}

get() { curl --silent --fail --max-time 30 --header "Authorization: Bearer $TOKEN" "$URL$1"; }

# A member of the first row of a list.
first() { get "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0][sys.argv[1]])' "$2"; }

# With ids of things that are there, so that requests come further than to a 404. Deleting is left to made-up ids: what
# is deleted is not there for the others.
describe() {
    local integration conversation contact sync company
    integration=$(first /v1/integrations id)
    sync=$(first "/v1/integrations/$integration/syncs" id)
    contact=$(first '/v1/contacts?source=crisp' id)
    company=cmp-00001
    conversation=$(first "/v1/companies/$company/conversations" id || first "/v1/contacts/$contact/conversations" id)
    cat <<CONFIG
$(of '/v1/integrations/\{id\}.*' "{ id = \"$integration\" }")
$(of '/v1/syncs/.*' "{ id = \"$sync\" }")
$(of '/v1/conversations/.*' "{ id = \"$conversation\" }")
$(of '/v1/contacts/\{id\}(/conversations)?' "{ id = \"$contact\" }" GET)
$(of '/v1/companies/\{external_id\}/.*' "{ external_id = \"$company\" }")
CONFIG
}

of() {
    printf '[[operations]]\ninclude-path-regex = '"'^%s\$'"'\nexclude-method = "DELETE"\n' "$1"
    [[ $# -lt 3 ]] || printf 'include-method = "%s"\n' "$3"
    printf 'parameters = %s\n' "$2"
}

install || {
    echo "schemathesis $VERSION cannot be installed here" >&2
    exit "$NOT_TO_BE_HAD"
}
start
TOKEN=$(sed -n 's/^export TOKEN=//p' "$WORK/demo.log")
URL=$(sed -n 's/^ *api  *\(http[^ ]*[^ /]\)\/*$/\1/p' "$WORK/demo.log")
describe >"$WORK/schemathesis.toml"

# It leaves notes where it runs.
cd "$WORK"
"$HOME_OF_IT/bin/schemathesis" --config-file "$WORK/schemathesis.toml" run "$URL/openapi.json" \
    --header "Authorization: Bearer $TOKEN" --checks "$FAULTS" --phases examples,coverage,fuzzing,stateful \
    --max-examples "$EXAMPLES" --seed 1 --workers 2 --max-time 120 --request-timeout 30 --continue-on-failure \
    --suppress-health-check all --no-color
