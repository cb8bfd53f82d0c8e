/** The frontend that the connector is told of. */
export const frontend = 'fe';
export const frontendPort = 8080;
/** HAProxy's own runtime socket, for the script that is the floor. */
export const runtimePort = 9999;

/** What an operator starts with, and a runtime socket that a script on this machine can reach. */
export const baseConfig = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin
  stats socket ipv4@0.0.0.0:${runtimePort} level admin
  stats timeout 1h

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend ${frontend} from main
  bind :${frontendPort}
  default_backend no_route

backend no_route from main
  http-request return status 404 content-type text/plain string "no route"
`;
