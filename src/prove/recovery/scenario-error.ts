import { AvalError, messageOf } from '../../errors.ts'

/** What to do where an error does not say it itself. */
export const readLastStep = 'Read the last step; AVAL_DEBUG=1 shows what servers and services said'

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

/**
 * What comes before every fault: the system up and clients at work. Where that cannot be had nothing was lost, so that nothing is said
 * of the recovery.
 * @throws ScenarioUnready
 */
export async function beforeFault<T>(prepared: Promise<T>): Promise<T> {
  try {
    return await prepared
  } catch (cause) {
    if (cause instanceof ScenarioUnready) throw cause
    const next = cause instanceof AvalError ? cause.next : readLastStep
    throw new ScenarioUnready(`No fault could be tried: ${messageOf(cause)}`, { cause, next })
  }
}
