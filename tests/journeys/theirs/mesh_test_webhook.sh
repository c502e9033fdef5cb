#!/usr/bin/env bash
# The mesh service's test_webhook.sh: what its testing guide sends with curl. Base URL, secret and job id are
# given; each line says what was sent and the status that came back.
set -euo pipefail
base=$1 secret=$2 job=$3

post() { # name, body, header…
    local name=$1 body=$2 header
    shift 2
    local headers=()
    for header in "$@"; do headers+=(-H "$header"); done
    printf '%s %s\n' "$name" "$(curl -sS -o /dev/null -w '%{http_code}' -X POST "$base/api/webhooks/modal" \
        -H 'Content-Type: application/json' "${headers[@]}" --data-raw "$body")"
}

sign() { printf %s "$1" | openssl dgst -sha256 -hmac "$secret" -r | cut -d' ' -f1; }

completed='{"job_id":"'$job'","status":"completed","result":{"success":true,"s3_output_path":"s3://meshes/'$job'.msh","strategy":"tet","quality_metrics":{"min_quality":0.21},"total_nodes":1200,"total_elements":5400}}'
without_id='{"status":"completed","result":{"success":true}}'

post unsigned "$completed"
post garbage "$completed" "X-Modal-Signature: garbage"
post wrong "$completed" "X-Modal-Signature: sha256=$(printf %064d 0)"
post prefixed "$completed" "X-Modal-Signature: sha256=$(sign "$completed")"
post bare "$completed" "X-Modal-Signature: $(sign "$completed")"
post without_job_id "$without_id" "X-Modal-Signature: $(sign "$without_id")"
