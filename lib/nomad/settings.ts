/** How to reach Nomad; names and meanings are those of Nomad's own NOMAD_* variables. */
export interface NomadSettings {
  /** `http://host:port`, `https://host:port` or `unix:///path/to/api.sock`; user information in it wins over `httpAuth`. */
  readonly address: string;
  readonly token?: string;
  /** Wins over `token`: read again when it changes and when Nomad refuses what it said. */
  readonly tokenFile?: string;
  readonly region?: string;
  /** PEM file of the authorities to trust, instead of the system's. */
  readonly caCert?: string;
  /** Folder of such files. */
  readonly caPath?: string;
  /** PEM files for mutual TLS; one needs the other. */
  readonly clientCert?: string;
  readonly clientKey?: string;
  /** Name to expect in Nomad's certificate, usually `server.<region>.nomad`. */
  readonly tlsServerName?: string;
  readonly skipVerify: boolean;
  /** `user:password` for a proxy in front of Nomad. */
  readonly httpAuth?: string;
}
