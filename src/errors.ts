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

  PLAN_MISSING: {
    says: 'The system "{name}" has no plan.ts.',
    next: "Write one that exports definePlan({ system: '{name}' }) as its default.",
    exit: 2,
  },
  PLAN_SYNTAX: {
    says: 'The file cannot be read as TypeScript: {problem}',
    next: 'Correct the syntax here. Node runs the file as it is, so enum, namespace and parameter properties are out.',
    exit: 1,
  },
  PLAN_IMPORT: {
    says: '{problem}',
    next: 'Correct the import. A plan needs only `import { definePlan } from "aval"`; relative imports carry their file ending.',
    exit: 1,
  },
  PLAN_THREW: {
    says: 'The plan threw while it was read: {problem}',
    next: 'A plan is plain data: move whatever computes or reads out of it.',
    exit: 1,
  },
  PLAN_DENIED: {
    says: 'The plan tried something a plan may not do: {problem}',
    next: 'A plan is read without the right to write files, start programs or use the network. Write the value down instead.',
    exit: 1,
  },
  PLAN_ENDLESS: {
    says: 'The plan had not finished loading after {seconds} s and was ended.',
    next: 'Look for a loop, or an await that never settles, in the plan and in what it imports.',
    exit: 1,
  },
  PLAN_EXITED: {
    says: 'The plan ended its process ({outcome}) before it gave a value.',
    next: 'Remove process.exit and whatever else ends the process, or uses up its memory, from the plan and its imports.',
    exit: 1,
  },
  PLAN_NO_DEFAULT: {
    says: 'The plan has no default export; {exports}.',
    next: 'Write `export default definePlan({ ... })`.',
    exit: 1,
  },
  PLAN_NOT_DATA: {
    says: 'The plan holds what is not plain data: {problems}',
    next: 'Use text, numbers, booleans, lists and objects only.',
    exit: 1,
  },
  PLAN_TOO_LARGE: {
    says: 'The plan is larger than {limit}.',
    next: 'A plan is read by people; move data out of it.',
    exit: 1,
  },
  PLAN_INVALID: {
    says: 'The plan of "{name}" has {count} to correct: {problems}',
    next: 'Run `aval check {name}` for each with its place and its fix.',
    exit: 1,
  },
  REQUIREMENTS_MISSING: {
    says: 'The plan of "{name}" names a requirements file that is not there.',
    next: 'Create it, or correct `requirements` in the plan.',
    exit: 1,
  },
  REQUIREMENTS_INVALID: {
    says: 'The requirements file has {count} to correct: {problems}',
    next: 'Each entry reads `- { id: AB-1, statement: what must hold, source: where it stands }`, and each id stands once.',
    exit: 1,
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

  SERVICE_DIED_STARTING: {
    says: 'The service {service} ended with {outcome} before it was ready.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  SERVICE_NOT_READY: {
    says: 'The service {service} was not ready within {seconds} s: {url} answered {last}.',
    next: 'Its last words were: {output}',
    exit: 1,
  },
  SERVICES_IN_A_CIRCLE: {
    says: 'The services wait for each other: {circle}.',
    next: 'Take one step of the circle out of `needs` in the plan.',
    exit: 2,
  },
  SERVICE_UNKNOWN: {
    says: 'Aval runs no service "{service}" here.',
    next: 'The services it runs are: {known}.',
    exit: 1,
  },
  NO_FREE_PORT: {
    says: 'No free port was found between {lowest} and {highest}.',
    next: 'End some of the programs that listen on this machine, or name a free `port` in the plan.',
    exit: 1,
  },
  ENVIRONMENT_IN_USE: {
    says: '{system} already runs: process {pid} has held {directory} since {since}.',
    next: 'Use the one that runs, or end it with Ctrl-C in its terminal or `kill {pid}`, and start again.',
    exit: 1,
  },
  ENVIRONMENT_SERVER_EXTERNAL: {
    says: 'The plan of {system} gives {environment} the external server of {variable}, and Aval runs systems on its own.',
    next: "Set database.servers.{environment} to 'embedded' or 'installed'.",
    exit: 2,
  },
  SEED_FAILED: {
    says: 'The seed {file} was not applied: {reason}.',
    next: 'Nothing of it was kept. Correct the file and start again.',
    exit: 1,
  },
  NO_DATABASE: {
    says: 'The plan of {system} has no database, and what was asked for needs one.',
    next: 'Add a `database` section to {file}.',
    exit: 2,
  },
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
