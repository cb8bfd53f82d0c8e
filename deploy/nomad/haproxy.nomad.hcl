# HAProxy, its Data Plane API and the connector as one group: they share one network, in which the API listens on loopback
# only. From the root of the repository:
#
#   nomad acl policy apply -namespace default -job haproxy haproxy-nomad-connector deploy/nomad/connector.policy.hcl
#   nomad var put nomad/jobs/haproxy dataplane_password="$(openssl rand -hex 24)"
#   nomad job run -var connector_image=registry.example.com/haproxy-nomad-connector:0.1.0 deploy/nomad/haproxy.nomad.hcl
#
# Needs Nomad 1.9.6 or later, the docker driver, and CNI plugins for the bridge.

variable "connector_image" {
  type        = string
  description = "What `docker build` makes of this repository, where the clients can pull it."
}

variable "haproxy_image" {
  type        = string
  default     = "haproxytech/haproxy-debian:s6-3.4"
  description = "With HAProxy and the Data Plane API; the vendor's tags without s6 have no API."
}

variable "count" {
  type        = number
  default     = 1
  description = "Machines with a HAProxy. Each has a connector of its own: there is nothing to elect."
}

variable "namespaces" {
  type        = string
  default     = "default"
  description = "Namespaces that are followed, separated by commas; * for all. The policy has to name them too."
}

job "haproxy" {
  # One HAProxy at a time is replaced, and the next one only when this one has every service.
  update {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "10s"
    healthy_deadline = "3m"
    auto_revert      = true
  }

  group "haproxy" {
    count = var.count

    network {
      mode = "bridge"

      port "http" {
        static = 80
        to     = 80
      }

      port "connector" {
        to = 8080
      }
    }

    # For Prometheus, and for the deployment.
    service {
      name     = "haproxy-nomad-connector"
      provider = "nomad"
      port     = "connector"

      check {
        name     = "ready"
        type     = "http"
        path     = "/ready"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "haproxy" {
      driver = "docker"

      config {
        image = var.haproxy_image

        # In the task's directory, which outlives the container: HAProxy comes back with every service it had. The base is
        # copied into a new allocation only. The API replaces these files, which it cannot do to a mounted file.
        volumes    = ["local/haproxy:/usr/local/etc/haproxy"]
        entrypoint = ["sh", "-c", "cd /usr/local/etc/haproxy && mkdir -p maps ssl general spoe && { test -e haproxy.cfg || cp /local/base.cfg haproxy.cfg; } && cp /secrets/dataplaneapi.yml . && exec /start.sh"]
      }

      template {
        destination = "local/base.cfg"
        change_mode = "noop"
        data        = file("deploy/haproxy/haproxy.cfg")
      }

      template {
        destination = "secrets/dataplaneapi.yml"
        data        = replace(file("deploy/haproxy/dataplaneapi.yml"), "change-me", "{{ with nomadVar \"nomad/jobs/haproxy\" }}{{ .dataplane_password }}{{ end }}")
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }

    task "connector" {
      driver = "docker"

      config {
        image           = var.connector_image
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]
      }

      # The task's own token; Nomad may write a new one while the task runs, and the connector reads the file again. A
      # ttl is not for this identity.
      identity {
        file = true
      }

      env {
        NOMAD_ADDR       = "unix://${NOMAD_SECRETS_DIR}/api.sock"
        NOMAD_TOKEN_FILE = "${NOMAD_SECRETS_DIR}/nomad_token"
        # Else it is the namespace of this job.
        NOMAD_NAMESPACE       = var.namespaces
        HAPROXY_DATAPLANE_URL = "http://127.0.0.1:5555"
        HAPROXY_USERNAME      = "connector"
        HAPROXY_FRONTEND      = "www"
      }

      template {
        destination = "secrets/connector.env"
        env         = true
        data        = "HAPROXY_PASSWORD={{ with nomadVar \"nomad/jobs/haproxy\" }}{{ .dataplane_password }}{{ end }}\n"
      }

      # Longer than it takes to finish the write in flight.
      kill_timeout = "15s"

      # Enough for 30,000 registrations.
      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
