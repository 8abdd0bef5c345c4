import type { Random } from '../../random.ts'
import type { Sent } from '../behaviour/exchange.ts'
import { runCase } from '../behaviour/run-case.ts'
import type { Behaviour, Exercise } from '../exercise.ts'
import { createDictionary, type Dictionary } from './dictionary.ts'
import { type Attempt, matchPath, operationOf } from './draft.ts'
import { changedAttempt } from './make-attempt.ts'
import type { Operation } from './openapi.ts'
import { type Corpus, createCorpus, draftOf } from './recorded.ts'
import type { Answer } from './send-attempt.ts'
import type { Making } from './well-formed.ts'

export interface CastOptions {
  service: string
  operations: readonly Operation[]
  address(service: string): string
  newExercise(): Exercise | undefined
  casesOfAnOperation: number
  random: Random
  signal: AbortSignal
  goesOn(): boolean
  /** Sends a request of its own. */
  send(make: (making: Making) => Attempt, dictionary: Dictionary): Promise<void>
  /** Told of a request of a case, and what it was answered with. */
  sent(attempt: Attempt, answer: Answer, dictionary: Dictionary): void
}

/** People who are signed in, with requests of theirs and the values they know. */
export interface Cast {
  dictionary: Dictionary
  corpus: Corpus
}

/** Changed requests that are sent just before the one they were made from. */
const changedOnes = 4
/** Cases that run at once. */
const atOnce = 4

/**
 * Has new people do what the exercise's cases say, and keeps what they sent. In each case, just before one of its requests, some
 * changed ones of it are sent: only there are the values right that can be used once, such as a code or a token.
 */
export async function assembleCast(options: CastOptions): Promise<Cast> {
  const { operations, service, address, signal, random } = options
  const dictionary = createDictionary()
  const corpus = createCorpus(operations, dictionary)
  const exercise = options.newExercise()
  if (exercise === undefined) return { dictionary, corpus }
  const base = new URL(address(service)).origin
  const operationFor = ({ method, target }: Sent) =>
    target.startsWith(base) ? operationOf(operations, method, new URL(target).pathname) : undefined
  const play = async (behaviour: Behaviour) => {
    const disturbed = random.fork(behaviour.id).int(behaviour.exchanges.length)
    let exchange = 0
    // A case that cannot be played leaves less to begin from; what the service did is judged by its answers.
    await runCase(behaviour, {
      address,
      credentials: exercise.credentials,
      signal,
      before: async (request) => {
        const operation = operationFor(request)
        if (operation !== undefined && exchange++ === disturbed) {
          for (let count = 0; count < changedOnes && options.goesOn(); count++)
            await options.send((making) => changedAttempt(operation, draftOf(operation, request), making), dictionary)
        }
        if (!options.goesOn()) throw new Error('no more requests are to be sent')
      },
      heard: (request, { status, headers, text }) => {
        const operation = operationFor(request)
        if (operation === undefined) return
        corpus.add(request, status)
        const answer = { status, headers: Object.fromEntries(headers), body: text }
        options.sent(asAttempt(operation, request, behaviour.id), answer, dictionary)
      },
    }).catch(() => signal.throwIfAborted())
  }
  const waiting = casesFor(options, exercise.behaviours()).values()
  const work = async () => {
    for (const behaviour of waiting) if (options.goesOn()) await play(behaviour)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { dictionary, corpus }
}

function asAttempt(operation: Operation, { method, target, headers, body }: Sent, behaviour: string): Attempt {
  const { pathname, search } = new URL(target)
  const changes = [`in the case ${behaviour}`]
  return { operation, method, target: pathname + search, headers: [...headers], body, changes, addressed: true }
}

/** For every operation a few cases that ask for it and expect success. */
function casesFor(
  { operations, service, casesOfAnOperation }: CastOptions,
  behaviours: readonly Behaviour[],
): Set<Behaviour> {
  const chosen = new Set<Behaviour>()
  for (const operation of operations) {
    const asking = behaviours.filter(({ exchanges }) =>
      exchanges.some(
        (exchange) =>
          exchange.service === service &&
          exchange.request.method === operation.method &&
          exchange.expect.status < 300 &&
          matchPath(operation.path, exchange.request.path.split('?')[0] ?? '') !== undefined,
      ),
    )
    const more = casesOfAnOperation - asking.filter((each) => chosen.has(each)).length
    for (const behaviour of asking.filter((each) => !chosen.has(each)).slice(0, Math.max(0, more)))
      chosen.add(behaviour)
  }
  return chosen
}
