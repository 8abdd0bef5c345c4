import { AvalError, messageOf } from '../../errors.ts'

/** A procedure that could not be carried out to its end: what was promised is not so. */
export class ScenarioFailed extends Error {
  readonly next: string | undefined
  constructor(step: string, cause: unknown) {
    super(`"${step}": ${messageOf(cause)}`, { cause })
    this.next = cause instanceof AvalError ? cause.next : undefined
  }
}

/** Nothing was found out: the scenario could not begin. */
export class ScenarioUnready extends Error {
  /** What to do before it can. */
  readonly next: string | undefined
  constructor(message: string, { cause, next }: { cause?: unknown; next?: string } = {}) {
    super(message, { cause })
    this.next = next
  }
}
