# Instances join a backend that stands in haproxy.cfg already; servers written there by hand are left alone:
#
#   backend api_servers
#     balance roundrobin
#     server legacy 192.0.2.10:8080 check
job "api" {
  group "api" {
    count = 3

    # Out of service discovery, requests still run to their end; at least as long as the longest of them.
    shutdown_delay = "10s"

    network {
      port "http" {
        to = 5678
      }
    }

    service {
      name     = "api"
      provider = "nomad"
      port     = "http"

      tags = [
        "haproxy.enable=true",
        "haproxy.backend=custom",
        "haproxy.backend.name=api_servers",
        "haproxy.check.path=/healthz",
        "haproxy.check.host=api.example.org",
        "haproxy.slots=8",
        "haproxy.maxconn=200",
      ]
    }

    task "server" {
      driver = "docker"

      config {
        image = "hashicorp/http-echo:1.0"
        args  = ["-text=hello"]
        ports = ["http"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
