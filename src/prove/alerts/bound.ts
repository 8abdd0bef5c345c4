import type { CompiledQuery } from '../../watch/promql/compile.ts'
import { memorySeries } from '../../watch/promql/memory-series.ts'
import { evaluateInstant } from '../../watch/promql/query.ts'
import { lookbackOf, reachOf } from '../../watch/promql/reach.ts'
import { type Emitter, play, type World } from './world.ts'

/** Two figures for one series, as near to each other as can be told apart: at one the condition holds, at the other it does not. */
export interface Brink {
  driven: Emitter
  over: number
  under: number
  /** Far from the bound, where the condition does not hold. */
  quiet: number
}

/** Samples are so far apart that every range of the query holds several; milliseconds. */
export function sampleStep(query: CompiledQuery): number {
  const shortest = Math.min(...reachOf(query).map(({ rangeMs }) => rangeMs ?? 300_000), 300_000)
  return Math.max(1_000, Math.min(60_000, Math.floor(shortest / 4_000) * 1_000))
}

/** Looks for a series that can bring the condition about and take it back; undefined when none can: the alert never fires, or always. */
export function findBrink(query: CompiledQuery, world: World, atMs: number): Brink | 'never' | 'always' {
  const holdsAt = (driven: Emitter | undefined, figure: number): boolean => {
    const stepMs = sampleStep(query)
    const fromMs = atMs - lookbackOf(query) - 2 * stepMs
    const source = memorySeries(play(world, driven, () => figure, { fromMs, untilMs: atMs, stepMs }))
    const value = evaluateInstant(query, source, atMs)
    return value.type === 'vector' ? value.samples.length > 0 : value.type === 'scalar'
  }
  let everHeld = holdsAt(undefined, 0)
  for (const driven of world.emitters.flatMap((emitter) => drivesOf(emitter, query))) {
    const figures = grid(driven)
    const held = figures.map((figure) => holdsAt(driven, figure))
    everHeld ||= held.some(Boolean)
    const turn = held.findIndex((holds, index) => index > 0 && holds !== held[index - 1])
    if (turn > 0) return narrowed(driven, figures[turn - 1] ?? 0, figures[turn] ?? 0, holdsAt)
  }
  return everHeld ? 'always' : 'never'
}

const mostHalvings = 60
/** Relative; nearer than sums of floating point over a day are exact, a condition would flicker. */
const tolerance = 1e-6

function narrowed(
  driven: Emitter,
  from: number,
  to: number,
  holdsAt: (driven: Emitter, figure: number) => boolean,
): Brink {
  let [low, high] = [from, to]
  const holdsLow = holdsAt(driven, low)
  for (
    let turn = 0;
    turn < mostHalvings && Math.abs(high - low) > tolerance * Math.max(Math.abs(low), Math.abs(high));
    turn++
  ) {
    const middle = low + (high - low) / 2
    if (holdsAt(driven, middle) === holdsLow) low = middle
    else high = middle
  }
  const [over, under, quiet] = holdsLow ? [low, high, to] : [high, low, from]
  // One step further on both sides, so that rounding turns neither; zero is where a series can not be moved any further.
  const gap = over - under
  return { driven, over: over === 0 ? 0 : over + gap, under: under === 0 ? 0 : under - gap, quiet }
}

/** A gauge may hold a moment: where the query asks for the time, it is its age that counts. */
function drivesOf(emitter: Emitter, query: CompiledQuery): Emitter[] {
  const asksForTime = emitter.drive === 'value' && /\btime\s*\(/.test(query.text)
  return asksForTime ? [{ ...emitter, drive: 'age' }, emitter] : [emitter]
}

/** Figures of every size that a series of its kind can have, up to a thousand terabytes. */
function grid({ drive }: Emitter): number[] {
  if (drive === 'slow-part') return Array.from({ length: 41 }, (_, index) => index / 40)
  return [0, ...Array.from({ length: 45 }, (_, index) => 10 ** (index / 2 - 7))]
}
