# The sample job of docker-compose.dev.yml: a web server that is in Nomad's own image, on any free port.
job "web" {
  group "web" {
    count = 2

    # Nomad scales no job whose deployment is under way, and by itself it takes 10 s more for one.
    update {
      min_healthy_time = "1s"
    }

    # Between the deregistration and the end of the process: the time in which HAProxy drains it.
    shutdown_delay = "5s"

    network {
      port "http" {}
    }

    service {
      name     = "web"
      provider = "nomad"
      port     = "http"

      tags = [
        "haproxy.enable=true",
        "haproxy.domain=web.localhost",
      ]

      check {
        type     = "http"
        path     = "/"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "server" {
      driver = "raw_exec"

      config {
        command = "/bin/busybox"
        args    = ["httpd", "-f", "-p", "${NOMAD_PORT_http}", "-h", "${NOMAD_TASK_DIR}"]
      }

      template {
        destination = "local/index.html"
        data        = "hello from allocation {{ env \"NOMAD_ALLOC_INDEX\" }}\n"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
