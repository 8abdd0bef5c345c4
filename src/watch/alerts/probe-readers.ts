import { compileQuery, isCompiled } from '../promql/compile.ts'
import { acceptsAll } from '../promql/matchers.ts'
import { reachOf } from '../promql/reach.ts'
import type { AlertRule } from './rule.ts'

/** What every probe gives that says whether it is well; how long it takes or when a certificate ends is something else. */
const ofProbes = new Set(['probe_success', 'aval_probe_down', 'aval_probe_failures_in_a_row'])

/** Whether an alert looks at whether a probe is well and tells somebody. */
export function readsProbe({ source, channels }: AlertRule, probe: string): boolean {
  if (source.kind !== 'query' || channels.length === 0) return false
  const query = compileQuery(source.when)
  if (!isCompiled(query)) return false
  return reachOf(query).some(
    ({ metric, matchers }) =>
      metric !== undefined && ofProbes.has(metric) && acceptsAll(matchers)({ __name__: metric, probe }),
  )
}

/** The alert that reads the answers of a probe and tells somebody; undefined of a rule that is no probe. */
export function readerOf({ name, source }: AlertRule, rules: ReadonlyMap<string, AlertRule>): string | undefined {
  if (source.kind !== 'probe') return undefined
  const probe = name.slice('probe:'.length)
  return [...rules.values()].find((reader) => readsProbe(reader, probe))?.name
}
