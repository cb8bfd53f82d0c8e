# All that the connector reads: services, jobs and their events. It writes nothing to Nomad.
#
#   nomad acl policy apply -namespace default -job haproxy haproxy-nomad-connector deploy/nomad/connector.policy.hcl
#
# gives it to the workload identity of the job "haproxy" (Nomad 1.9.6 or later). For a token: nomad acl token create
# -policy=haproxy-nomad-connector. One block for each namespace in NOMAD_NAMESPACE; for NOMAD_NAMESPACE=* one that says
# namespace "*", since one namespace that may not be read ends the whole stream.
namespace "default" {
  capabilities = ["read-job"]
}
