/**
 * The error catalogue: every failure Aval reports has a stable code, says what happened and where, and what to do next.
 * Placeholders in braces are the parameters of the error; none may carry a person's data or a secret.
 * `docs/errors.md` is made from this table.
 */
export const catalogue = {
  USAGE: { says: '{problem}', next: 'Run `aval {command} --help` for the options and an example.', exit: 2 },
  UNEXPECTED: {
    says: 'Aval met a failure it has no name for: {problem}',
    next: 'Run again with AVAL_DEBUG=1 to keep the details in .aval/debug.log, and report them.',
    exit: 1,
  },

  PROJECT_NOT_FOUND: {
    says: 'No project at {path} or above it.',
    next: 'Run inside a folder that holds plan.ts or systems/<name>/plan.ts, or name one with --project.',
    exit: 2,
  },
  SYSTEM_NOT_FOUND: {
    says: 'There is no system "{name}" here.',
    next: 'The systems are: {known}. {suggestion}',
    exit: 2,
  },

  PROCESS_FAILED: {
    says: '{program} ended with {outcome}.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  PROCESS_TIMED_OUT: {
    says: '{program} was still running after {seconds} s and was ended.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  PROCESS_NOT_FOUND: { says: '{program} is not on this machine.', next: 'Install it or correct its path.', exit: 1 },
} as const satisfies Record<string, { says: string; next: string; exit: 1 | 2 }>

export type ErrorCode = keyof typeof catalogue

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

type Parameters<Code extends ErrorCode> = Record<
  Placeholders<(typeof catalogue)[Code]['says']> | Placeholders<(typeof catalogue)[Code]['next']>,
  string | number
>

/** Where in a person's files the trouble is. Line and column count from 1. */
export interface Location {
  file: string
  line?: number
  column?: number
}

export class AvalError extends Error {
  readonly code: ErrorCode
  readonly next: string
  readonly exit: 1 | 2
  readonly where: Location | undefined

  /**
   * @param cause what lay underneath; kept for the debug log, never printed.
   */
  constructor(code: ErrorCode, parameters: Record<string, string | number>, where?: Location, cause?: unknown) {
    const entry = catalogue[code]
    super(fill(entry.says, parameters), cause === undefined ? undefined : { cause })
    this.name = 'AvalError'
    this.code = code
    this.next = fill(entry.next, parameters)
    this.exit = entry.exit
    this.where = where
  }
}

/** Makes a catalogued error; the compiler asks for exactly the parameters its texts name. */
export function failure<Code extends ErrorCode>(
  code: Code,
  parameters: Parameters<Code>,
  options: { where?: Location; cause?: unknown } = {},
): AvalError {
  return new AvalError(code, parameters, options.where, options.cause)
}

/** What a person reads: what happened, where, what to do next. Never a stack. */
export function describeError(error: unknown): string {
  const known =
    error instanceof AvalError ? error : failure('UNEXPECTED', { problem: messageOf(error) }, { cause: error })
  const where = known.where ? `${formatLocation(known.where)}\n` : ''
  return `${where}${known.code}: ${known.message}\n  ${known.next}`
}

export function formatLocation({ file, line, column }: Location): string {
  return [file, line, column].filter((part) => part !== undefined).join(':')
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

function fill(template: string, parameters: Record<string, string | number>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(parameters[name] ?? '')).trimEnd()
}
