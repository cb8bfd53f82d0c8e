import type { Logger } from 'pino';
import type { Config, ConfigSources } from '../config.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { KeyInput } from './keys.ts';

/** What the process gives a command, so that a spec can give something else. */
export interface Surroundings {
  readonly env: ConfigSources['env'];
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Which of the two somebody reads as it comes; absent: neither. */
  readonly terminal?: { readonly stdout: boolean; readonly stderr: boolean };
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
  /** Calls back at every SIGHUP from now on; a command that does not ask for it is ended by one. */
  readonly onHangup: (act: () => void) => void;
  /** Where keys are pressed; opened only when it is asked for. */
  readonly stdin: () => KeyInput;
}

/** Flags that are not configuration. */
export interface CommandFlags {
  readonly 'dry-run'?: boolean;
  readonly json?: boolean;
  readonly pace?: string;
  readonly base?: string;
  readonly until?: string;
  readonly service?: string;
  readonly step?: boolean;
  readonly job?: string;
}

/** A command line after it and its configuration were found to be right. */
export interface CommandLine {
  readonly config: Config;
  readonly flags: CommandFlags;
  /** What follows the command's name; as many as the command takes. */
  readonly operands: readonly string[];
  readonly log: Logger;
}

export interface Command {
  /** The command line behind the program's name. */
  readonly usage: string;
  readonly operands: number;
  readonly flags: readonly (keyof CommandFlags)[];
  /** It talks to the Data Plane API, and so needs credentials; never if not given. */
  readonly needsHaproxy?: (flags: CommandFlags) => boolean;
  /** What is wrong with flags that are all known. */
  readonly refuse?: (flags: CommandFlags) => string | undefined;
  /** Throws an InputError, or a FailureError for what the configuration promises and the machine does not keep. */
  readonly start: (line: CommandLine, surroundings: Surroundings) => Promise<ExitCode>;
}
