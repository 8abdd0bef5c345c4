import type { Command } from 'commander'
import type { Clock } from '../clock.ts'
import { type AvalError, failure } from '../errors.ts'

/** What a command may touch. Commands never write to the process's streams themselves, so that tests can read them. */
export interface CommandContext {
  /** Folder the person stands in. */
  cwd: string
  /** Folder of the launcher: the project when `cwd` is in none. */
  home: string
  clock: Clock
  /** Answers: tables, JSON. */
  out(text: string): void
  /** Progress, warnings, errors. */
  err(text: string): void
  /** Aborted on Ctrl-C and SIGTERM; a command then stops cleanly. */
  signal: AbortSignal
  /** Whether `err` is a terminal that can show a moving display. */
  interactive: boolean
  /** Ends the process with a code other than 0 once the command has returned. */
  exitWith(code: ExitCode): void
}

/** 0 all well, 1 refuted or failed, 2 usage, 3 inconclusive, 130 stopped by a signal. */
export type ExitCode = 0 | 1 | 2 | 3 | 130

/** One module a command: it adds itself to the program. */
export type RegisterCommand = (program: Command, context: CommandContext) => void

/** `--json` output: one JSON array and nothing else. */
export function printJson(context: CommandContext, items: readonly unknown[]): void {
  context.out(`${JSON.stringify(items, null, 2)}\n`)
}

export function usage(command: string, problem: string): AvalError {
  return failure('USAGE', { command: `aval ${command}`.trimEnd(), problem })
}
