import type { Clock } from '../../clock.ts'
import type { Random } from '../../random.ts'
import { runCase } from '../behaviour/run-case.ts'
import type { Behaviour, Exercise } from '../exercise.ts'
import { createDictionary, type Dictionary } from './dictionary.ts'
import { type Attempt, matchPath } from './draft.ts'
import { parseJson } from './json.ts'
import { breachOf } from './judge.ts'
import { makeAttempt } from './make-attempt.ts'
import { type Marker, markerFinder } from './marker.ts'
import type { Operation } from './openapi.ts'
import { type Corpus, createCorpus } from './recorded.ts'
import { createSender } from './send-attempt.ts'
import { count, createTally, type Tally } from './tally.ts'

export interface FuzzOptions {
  service: string
  operations: readonly Operation[]
  address(service: string): string
  /** An exercise whose people nobody has seen; its behaviours are what requests are begun from. Undefined: from the document alone. */
  newExercise(): Exercise | undefined
  marker: Marker
  random: Random
  clock: Clock
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
const perCast = 1_500
/** Cases of an exercise that an operation is looked for in. */
const casesOfAnOperation = 3
/** How long one answer may take, milliseconds. */
const timeLimitMs = 20_000

/** Sends requests for every operation of a service, in turns, until told to end, and judges each answer. */
export async function fuzz(options: FuzzOptions): Promise<Fuzzed> {
  const { operations, random, marker, signal } = options
  const tallies = new Map(operations.map(({ id }) => [id, createTally(id)]))
  const breaches = new Map<string, Breach>()
  const markerIn = markerFinder(marker)
  const turns = operations.flatMap((operation) => Array.from({ length: turnsOf(operation) }, () => operation))
  let sent = 0
  let cast = await assemble(options)
  let castAt = 0
  let assembling: Promise<void> | undefined
  const sender = createSender(options.address(options.service), timeLimitMs)
  const work = async () => {
    while (!signal.aborted && options.until(sent)) {
      if (sent - castAt >= perCast) {
        assembling ??= assemble(options).then((next) => {
          cast = next
          castAt = sent
          assembling = undefined
        })
        await assembling
        continue
      }
      const index = sent++
      const operation = turns[index % turns.length]
      if (operation === undefined) return
      const { dictionary, corpus } = cast
      const attempt = makeAttempt(operation, { random: random.fork(`request ${index}`), marker, dictionary }, corpus)
      const answer = await sender.send(attempt)
      const tally = tallies.get(operation.id)
      if (tally) count(tally, 'unanswered' in answer ? 0 : answer.status)
      if (!('unanswered' in answer) && answer.status < 300) learn(dictionary, attempt, answer.body)
      const breach = breachOf(attempt, answer, markerIn)
      if (breach !== undefined)
        note(breaches, `${operation.id} ${breach}`, `request ${index + 1}: ${describe(attempt)}`)
      if (sent % 500 === 0) options.told(sent, breaches.size)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, work))
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

/** People who are signed in, requests of theirs, and the values they are about. */
async function assemble(options: FuzzOptions): Promise<{ dictionary: Dictionary; corpus: Corpus }> {
  const { operations, service, address, signal } = options
  const dictionary = createDictionary()
  const corpus = createCorpus(operations, dictionary)
  const exercise = options.newExercise()
  if (exercise === undefined) return { dictionary, corpus }
  const base = new URL(address(service)).origin
  const heard = (sent: Parameters<Corpus['add']>[0], status: number) => {
    if (sent.target.startsWith(base)) corpus.add(sent, status)
  }
  const waiting = casesFor(operations, service, exercise.behaviours()).values()
  const work = async () => {
    for (const behaviour of waiting) {
      await runCase(behaviour, { address, credentials: exercise.credentials, signal, heard })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { dictionary, corpus }
}

/** For every operation a few cases that ask for it and expect success. */
function casesFor(operations: readonly Operation[], service: string, behaviours: readonly Behaviour[]): Set<Behaviour> {
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
    const already = asking.filter((each) => chosen.has(each)).length
    for (const behaviour of asking
      .filter((each) => !chosen.has(each))
      .slice(0, Math.max(0, casesOfAnOperation - already)))
      chosen.add(behaviour)
  }
  return chosen
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
