#!/bin/bash
# Entrypoint of the images that .ci/images makes: HAProxy and the Data Plane API, each started again when it ends, so that a
# spec can kill either one while the container lives on. To keep one down, create /run/haproxy.down or
# /run/dataplaneapi.down before killing it; remove the file to have it back.
set -u

# As the vendor's entrypoint does: `docker run IMAGE haproxy -vv` runs just that.
if [[ $# -gt 0 ]]; then exec "$@"; fi

master=/var/run/haproxy-master.sock

run_haproxy() {
  # A killed HAProxy leaves its sockets. They must go, or waiting clients take a dead socket for a live one.
  rm -f /var/run/haproxy*.sock
  haproxy -W -db -f /usr/local/etc/haproxy/haproxy.cfg -S "$master,mode,600"
}

haproxy_answers() {
  # Through the master to the first worker: when that answers, the worker has bound its own stats sockets too.
  [[ -S $master ]] && socat -t 1 - "UNIX-CONNECT:$master" <<<'@1 show info' 2>/dev/null | grep -q '^Version:'
}

run_dataplaneapi() {
  # The API reads HAProxy's version as it starts. It has to start without HAProxy as well, only later: specs try that.
  for ((i = 0; i < 100; i++)); do
    if haproxy_answers; then break; fi
    sleep 0.05
  done
  dataplaneapi -f /usr/local/etc/haproxy/dataplaneapi.yml
}

supervise() {
  while true; do
    if [[ ! -e /run/$1.down ]]; then
      "run_$1"
      echo "start.sh: $1 ended with $?"
    fi
    sleep 0.2
  done
}

# A shell that is process 1 ignores TERM unless it says otherwise, and only runs a trap at once when it is in `wait`.
# -1 is everything but process 1; what has not ended soon is killed by the kernel when this process exits.
trap 'kill -TERM -1; sleep 0.3; exit 0' TERM INT USR1

supervise haproxy &
supervise dataplaneapi &
wait
