# A canary gets a small share of the requests until `nomad deployment promote`, which gives it the tags of the others.
# `canary_tags` replace `tags`, so everything has to be said again.
job "shop" {
  update {
    canary       = 1
    max_parallel = 1
  }

  group "shop" {
    count = 3

    # Out of service discovery, requests still run to their end; at least as long as the longest of them.
    shutdown_delay = "10s"

    network {
      port "http" {
        to = 5678
      }
    }

    service {
      name     = "shop"
      provider = "nomad"
      port     = "http"

      tags = [
        "haproxy.enable=true",
        "haproxy.domain=shop.example.org",
        "haproxy.weight=100",
      ]

      canary_tags = [
        "haproxy.enable=true",
        "haproxy.domain=shop.example.org",
        "haproxy.weight=10",
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
