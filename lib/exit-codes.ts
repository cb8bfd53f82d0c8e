/** Exit codes of every command; those from 64 on are the ones of sysexits.h. */
export const exitCodes = {
  /** Done, or stopped by a signal. */
  ok: 0,
  /** A bug: something that no failure of either end explains. The last log line says what. */
  bug: 1,
  /** Of `check`: there is a problem. Of `explain` and `plan`: nothing, or not all, can be said; stderr says why. */
  failed: 1,
  /** `plan` only: HAProxy is not as the services want it. */
  changes: 2,
  /** The command line is wrong. */
  usage: 64,
  /** The recording is not one. */
  data: 65,
  /** An end cannot be worked with at all, such as an HAProxy older than 3.0. */
  unavailable: 69,
  /** The configuration is wrong; every mistake is named on stderr. */
  config: 78,
  /** Nobody reads what it writes any more: as shells say of a process that SIGPIPE ended. */
  unread: 141,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
