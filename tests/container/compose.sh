#!/usr/bin/env bash
# Starts docker/compose.yaml with an image of the server and asks what is there: compose.sh IMAGE
#
# Prometheus and Grafana take part where their images are here or can be pulled; else the server is started alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CMAL_IMAGE=$1
# Free ports of this machine.
export CMAL_PORT=0 PROMETHEUS_PORT=0 GRAFANA_PORT=0

if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
else
    echo "left    compose: it is not here" >&2
    exit 0
fi
compose+=(--file docker/compose.yaml --project-name "cmal-check-$$")

fail() {
    echo "compose: $1" >&2
    exit 1
}

# Waits until a service's health check succeeds.
healthy() {
    local deadline=$((SECONDS + 90)) state
    until state=$(docker inspect --format '{{.State.Health.Status}}' "$("${compose[@]}" ps -q "$1")") && [ "$state" = healthy ]; do
        [ $SECONDS -lt $deadline ] || fail "$1 is ${state:-missing} after 90 s: $("${compose[@]}" logs --tail 5 "$1")"
        sleep 0.5
    done
    echo "ok      $1 is healthy"
}

# What a service answers to a GET at its port.
answer() {
    curl --silent --show-error --fail --max-time 10 "http://$("${compose[@]}" port "$1" "$2")$3"
}

# Until a service's answer has something in it.
answers() {
    local deadline=$((SECONDS + 60))
    until answer "$1" "$2" "$3" | grep -q "$4"; do
        [ $SECONDS -lt $deadline ] || fail "$1 answers at $3 without $4: $(answer "$1" "$2" "$3" | head -c 500)"
        sleep 0.5
    done
    echo "ok      $1: $5"
}

"${compose[@]}" config --quiet
echo "ok      compose.yaml is well formed"
trap '"${compose[@]}" down --volumes --timeout 25 >/dev/null 2>&1' EXIT

services=(cmal)
for service in prometheus grafana; do
    image=$("${compose[@]}" config | grep -o "image: .*$service.*" | cut -d ' ' -f 2)
    if docker image inspect "$image" >/dev/null 2>&1 || timeout 600 docker pull --quiet "$image" >/dev/null 2>&1; then
        services+=("$service")
    else
        echo "left    $service: $image can't be pulled"
    fi
done
"${compose[@]}" up --detach --no-build "${services[@]}" >/dev/null 2>&1 || fail "it does not start: $("${compose[@]}" logs --tail 5)"
for service in "${services[@]}"; do
    healthy "$service"
done
answers cmal 8080 /v1/models '"shapes"' "serves shapes"
if [[ " ${services[*]} " == *" prometheus "* ]]; then
    answers prometheus 9090 '/api/v1/query?query=up%7Bjob%3D%22cmal%22%7D' '"1"\]' "scrapes the server"
    answers prometheus 9090 /api/v1/rules '"type":"alerting"' "has the alert rules"
fi
if [[ " ${services[*]} " == *" grafana "* ]]; then
    answers grafana 3000 '/api/search?query=cmal' /d/ "has the dashboard"
    answers grafana 3000 /api/datasources/uid/prometheus/health OK "reaches Prometheus"
fi
