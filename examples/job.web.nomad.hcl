# A service with a domain: the connector makes a backend `web`, checks it as the job does and routes the domain to it.
job "web" {
  group "web" {
    count = 2

    # Out of service discovery, requests still run to their end; at least as long as the longest of them.
    shutdown_delay = "10s"

    network {
      port "http" {
        to = 5678
      }
    }

    service {
      name     = "web"
      provider = "nomad"
      port     = "http"

      tags = [
        "haproxy.enable=true",
        "haproxy.domain=example.org,www.example.org",
        "haproxy.balance=leastconn",
      ]

      check {
        type     = "http"
        path     = "/"
        interval = "5s"
        timeout  = "2s"
      }
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
