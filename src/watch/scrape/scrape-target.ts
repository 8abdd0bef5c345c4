import type { Clock } from '../../clock.ts'
import { formatDuration } from '../../plan/units.ts'
import type { Labels, Sample, SampleSink } from '../series.ts'
import { type Admitted, type RefusalKind, refusalKinds } from './allow-list.ts'
import type { Reading, Target } from './reading.ts'

/** One target with what its last scrape left: which series are there, what was refused so far. */
export interface ScrapedTarget {
  /** Reads once and hands on what came; never throws for a target that does not answer. */
  scrape(signal: AbortSignal): Promise<void>
}

/**
 * Besides what a target gives there are `up`, `scrape_duration_seconds`, `scrape_samples_scraped` and, by kind,
 * `aval_scrape_refused_total`. All samples of a scrape are of the moment it began. Series that are no longer given are ended, all of
 * them when there is no answer.
 * @param onTrouble told why a target gave nothing.
 * @param onAnswer told that a target gave something.
 */
export function scrapedTarget(options: {
  target: Target
  sink: SampleSink
  admit: (readings: readonly Reading[]) => Admitted
  clock: Clock
  onTrouble?: ((target: Target, error: unknown) => void) | undefined
  onAnswer?: ((target: Target) => void) | undefined
}): ScrapedTarget {
  const { target, sink, admit, clock, onTrouble, onAnswer } = options
  const refusedSoFar = new Map<RefusalKind, number>(refusalKinds.map((kind) => [kind, 0]))
  let present = new Set<Labels>()
  const placed = new WeakMap<Labels, Labels>()
  const place = (labels: Labels): Labels => {
    let found = placed.get(labels)
    if (!found) {
      found = { ...labels, job: target.job, instance: target.instance }
      placed.set(labels, found)
    }
    return found
  }
  const ownLabels = new Map<string, Labels>()
  const own = (name: string, labels: Labels = {}): Labels => {
    const key = `${name} ${Object.values(labels).join(' ')}`
    let found = ownLabels.get(key)
    if (!found) {
      found = { __name__: name, ...labels, job: target.job, instance: target.instance }
      ownLabels.set(key, found)
    }
    return found
  }

  const readAll = async (signal: AbortSignal): Promise<readonly Reading[]> => {
    const giveUp = new AbortController()
    const over = new AbortController()
    const both = AbortSignal.any([signal, giveUp.signal])
    const timedOut = clock.sleep(target.timeoutMs, AbortSignal.any([signal, over.signal])).then(() => {
      const error = new Error(`no answer within ${formatDuration(target.timeoutMs)}`)
      giveUp.abort(error)
      throw error
    })
    try {
      return await Promise.race([target.read(both), timedOut])
    } finally {
      over.abort()
      timedOut.catch(() => undefined)
    }
  }

  return {
    scrape: async (signal) => {
      const atMs = clock.now()
      let readings: readonly Reading[] | undefined
      let given = 0
      try {
        const all = await readAll(signal)
        given = all.length
        if (target.own) {
          // What Aval measures besides, and the plan does not list, is not asked for: that is no leak to be counted.
          const listed = admit(all.filter(({ labels }) => !ownName(labels)))
          readings = [...all.filter(({ labels }) => ownName(labels)), ...listed.readings]
        } else {
          const admitted = admit(all)
          readings = admitted.readings
          for (const [kind, count] of admitted.refused) refusedSoFar.set(kind, (refusedSoFar.get(kind) ?? 0) + count)
        }
        onAnswer?.(target)
      } catch (error) {
        // Stopped by whoever watches: that says nothing of the target.
        if (signal.aborted) return
        onTrouble?.(target, error)
      }
      const samples: Sample[] = (readings ?? []).map(({ labels, value }) => ({ labels: place(labels), atMs, value }))
      const seen = new Set(samples.map(({ labels }) => labels))
      const gone = endedSeries(present, seen)
      present = seen
      samples.push(
        { labels: own('up'), atMs, value: readings ? 1 : 0 },
        { labels: own('scrape_duration_seconds'), atMs, value: (clock.now() - atMs) / 1000 },
        { labels: own('scrape_samples_scraped'), atMs, value: given },
      )
      for (const [kind, value] of refusedSoFar) {
        samples.push({ labels: own('aval_scrape_refused_total', { kind }), atMs, value })
      }
      sink.append(samples)
      if (gone.length > 0) sink.end(gone, atMs)
    },
  }
}

/** Names that only Aval gives out, with labels of its own. */
function ownName(labels: Labels): boolean {
  return /^(?:aval|probe)_/.test(labels['__name__'] ?? '')
}

/** Sources may make their labels anew each time: what counts is what they say. */
function endedSeries(before: ReadonlySet<Labels>, now: ReadonlySet<Labels>): Labels[] {
  const missing = [...before].filter((labels) => !now.has(labels))
  if (missing.length === 0) return []
  const text = (labels: Labels) => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
  const texts = new Set([...now].map(text))
  return missing.filter((labels) => !texts.has(text(labels)))
}
