import type { Random } from '../../random.ts'
import type { Exercise } from '../exercise.ts'
import { assembleCast } from './cast.ts'
import type { Dictionary } from './dictionary.ts'
import { type Attempt, matchPath } from './draft.ts'
import { parseJson } from './json.ts'
import { breachOf } from './judge.ts'
import { makeAttempt } from './make-attempt.ts'
import { type Marker, markerFinder } from './marker.ts'
import type { Operation } from './openapi.ts'
import { type Answer, createSender, type Unanswered } from './send-attempt.ts'
import { count, createTally, type Tally } from './tally.ts'
import type { Making } from './well-formed.ts'

export interface FuzzOptions {
  service: string
  operations: readonly Operation[]
  address(service: string): string
  /** An exercise whose people nobody has seen; its behaviours are what requests are begun from. Undefined: from the document alone. */
  newExercise(): Exercise | undefined
  /** How many of them an operation is looked for in. */
  casesOfAnOperation: number
  marker: Marker
  random: Random
  signal: AbortSignal
  /** Asked before each request: whether to go on, given the requests sent. */
  until(sent: number): boolean
  /** Told now and then. */
  told(sent: number, breaches: number): void
}

/** A kind of breach, and how often it was met. */
export interface Breach {
  /** Such as `GET /files/{id} was answered 500 INTERNAL`. */
  says: string
  /** The first request it was met with. */
  example: string
  times: number
}

export interface Fuzzed {
  sent: number
  tallies: Tally[]
  breaches: Breach[]
}

/** Requests in flight at once. */
const atOnce = 4
/** After so many the people and what they hold are made anew: requests have ended their sessions and used up their values. */
const perCast = 600
/** How long one answer may take, milliseconds. */
const timeLimitMs = 20_000

/** Sends requests for every operation of a service, in turns, until told to end, and judges each answer. */
export async function fuzz(options: FuzzOptions): Promise<Fuzzed> {
  const { operations, random, marker, signal } = options
  const tallies = new Map(operations.map(({ id }) => [id, createTally(id)]))
  const breaches = new Map<string, Breach>()
  const markerIn = markerFinder(marker)
  const turns = operations.flatMap((operation) => Array.from({ length: turnsOf(operation) }, () => operation))
  const sender = createSender(options.address(options.service), timeLimitMs)
  let sent = 0
  const goesOn = () => !signal.aborted && options.until(sent)
  const unasked = () => operations.filter(({ id }) => tallies.get(id)?.sent === 0)
  /** Counts one more request, judges what it was answered with, and learns from it. */
  const take = (attempt: Attempt, answer: Answer | Unanswered, number: number, dictionary: Dictionary) => {
    const tally = tallies.get(attempt.operation.id)
    if (tally) count(tally, 'unanswered' in answer ? 0 : answer.status)
    if (!('unanswered' in answer) && answer.status < 300) learn(dictionary, attempt, answer.body)
    const breach = breachOf(attempt, answer, markerIn)
    if (breach !== undefined)
      note(breaches, `${attempt.operation.id} ${breach}`, `request ${number}: ${describe(attempt)}`)
    if (number % 500 === 0) options.told(number, breaches.size)
  }
  const send = async (make: (making: Making) => Attempt, dictionary: Dictionary) => {
    const number = ++sent
    const attempt = make({ random: random.fork(`request ${number}`), marker, dictionary })
    take(attempt, await sender.send(attempt), number, dictionary)
  }
  const next = () =>
    assembleCast({
      ...options,
      random: random.fork(`cast ${sent}`),
      // What people do, with what is on its way, leaves room for one request for every operation they have not asked for.
      goesOn: () => !signal.aborted && options.until(sent + atOnce + unasked().length),
      send,
      sent: (attempt, answer, dictionary) => take(attempt, answer, ++sent, dictionary),
    })
  let turn = 0
  let first: Operation[] | undefined
  try {
    while (goesOn()) {
      const { dictionary, corpus } = await next()
      first ??= unasked()
      const waiting = first
      const until = sent + perCast
      const work = async () => {
        while (goesOn() && sent < until) {
          const operation = waiting.shift() ?? turns[turn++ % turns.length]
          if (operation === undefined) return
          await send((making) => makeAttempt(operation, making, corpus), dictionary)
        }
      }
      await Promise.all(Array.from({ length: atOnce }, work))
    }
  } finally {
    sender.close()
  }
  return { sent, tallies: [...tallies.values()], breaches: [...breaches.values()] }
}

/** What takes more can be asked wrongly in more ways. */
function turnsOf({ bodies, parameters }: Operation): number {
  return bodies.size > 0 ? 4 : parameters.length > 0 ? 2 : 1
}

function note(breaches: Map<string, Breach>, says: string, example: string): void {
  const known = breaches.get(says)
  if (known) known.times++
  else breaches.set(says, { says, example, times: 1 })
}

function learn(dictionary: Dictionary, attempt: Attempt, body: string): void {
  const answered = parseJson(body)
  if (answered !== undefined) dictionary.learn(answered)
  const path = attempt.target.split('?')[0] ?? ''
  for (const [name, value] of Object.entries(matchPath(attempt.operation.path, path) ?? {}))
    dictionary.learn(value, name)
}

/** Enough to send it again by hand. Credentials are left out. */
function describe({ method, target, headers, body, changes, raw }: Attempt): string {
  const shown = raw ?? body
  const text = shown === undefined ? '' : JSON.stringify(shown.subarray(0, 300).toString('latin1'))
  const named = headers
    .filter(([name]) => name !== 'authorization')
    .map(([name, value]) => `${name}: ${value.slice(0, 60)}`)
  return [`${method} ${target.slice(0, 200)}`, `(${changes.join(', ') || 'as declared'})`, ...named, text]
    .join(' ')
    .trim()
}
