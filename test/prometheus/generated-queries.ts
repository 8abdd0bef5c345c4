import type { Random } from '../../src/random.ts'
import { beginMs, endMs } from './generated-series.ts'

/*
 * PromQL made by chance, typed so that most of it can be evaluated; what cannot is welcome too, since an error must be one on both sides.
 */

const selectors = [
  'requests_total',
  'requests_total{code="500"}',
  'requests_total{code!="200",job="api"}',
  'requests_total{code=~"4..|5.."}',
  'requests_total{instance!~"a|b"}',
  'errors_total',
  'errors_total{job=~"a.*"}',
  'level',
  'level{job="web"}',
  'limit',
  'build_info',
  'sparse',
  'wild',
  'wild{room=""}',
  'wild{room!=""}',
  'pressure',
  'pressure{room=~"[xyz]"}',
  'took_seconds_bucket',
  'nothing{job="api",code!="1",x="y"}',
  '{__name__=~"level|limit|errors_total"}',
  '{__name__=~"requests_total|errors_total", job="api", instance="a"}',
]

const durations = ['15s', '30s', '1m', '90s', '2m', '5m', '7m30s', '10m', '20m', '1h', '13ms']
const labels = ['job', 'instance', 'code', 'room', 'version', 'le', '__name__', 'none']
const numbers = ['0', '1', '2', '0.5', '-1', '10', '100', '0.1', '1e3', '0x1F', 'Inf', '-Inf', 'NaN', '017', '.5']

const perElement =
  'abs ceil exp floor ln log10 log2 sgn sqrt deg rad acos acosh asin asinh atan atanh cosh sinh tanh'.split(' ')
const dates = ['minute', 'hour', 'day_of_month', 'day_of_week', 'day_of_year', 'days_in_month', 'month', 'year']
const overRange = [
  'rate',
  'irate',
  'increase',
  'delta',
  'idelta',
  'deriv',
  'resets',
  'changes',
  'absent_over_time',
].concat(
  ['avg', 'min', 'max', 'sum', 'count', 'stddev', 'stdvar', 'last', 'present'].map((name) => `${name}_over_time`),
)
const plainAggregations = ['sum', 'min', 'max', 'avg', 'count', 'stddev', 'stdvar', 'group']
const arithmetic = ['+', '-', '*', '/', '%', '^', 'atan2']
const comparisons = ['==', '!=', '>', '<', '>=', '<=']
const sets = ['and', 'or', 'unless']

/** Text of a query whose value is an instant vector or, seldom, a scalar. */
export function generatedQuery(random: Random): string {
  const depth = 1 + random.int(4)
  const text = random.int(12) === 0 ? scalar(random, depth) : vector(random, depth)
  return openToBoth(text) ? text : generatedQuery(random)
}

/** Whether Prometheus 2.42 has one answer to it that is meant. */
function openToBoth(text: string): boolean {
  // Where another argument changes from step to step, it lets the moment that @ fixes wander along or loses it.
  if (text.includes('@') && /predict_linear|quantile_over_time|timestamp/.test(text)) return false
  // The variance of large figures that are close together depends on the order of the series, which it leaves to chance.
  return !(/stdvar|stddev/.test(text) && /time/.test(text.replaceAll('_over_time', '')))
}

function vector(random: Random, depth: number): string {
  if (depth <= 0) return instant(random)
  const inner = () => vector(random, depth - 1 - random.int(2))
  switch (random.int(18)) {
    case 0:
    case 1:
      return instant(random)
    case 2:
    case 3:
    case 4:
      return `${random.pick(overRange)}(${range(random, depth - 1)})`
    case 5:
    case 6:
    case 7:
      return aggregation(random, depth)
    case 8:
      // Of large figures these three tell nothing but how they were rounded.
      if (random.int(8) === 0) return `${random.pick(['sin', 'cos', 'tan'])}(${random.pick(['level', 'wild'])})`
      return `${random.pick(perElement)}(${inner()})`
    case 9:
      return `(${inner()} ${operator(random)} ${scalar(random, depth - 1)})`
    case 10:
      return `${scalar(random, depth - 1)} ${operator(random)} ${inner()}`
    case 11:
    case 12:
      return joined(random, depth)
    case 13:
      return `${inner()} ${random.pick(sets)}${matching(random, false)} ${inner()}`
    case 14:
      return relabelled(random, inner())
    case 15:
      return random.pick([
        `-${inner()}`,
        `+${inner()}`,
        `absent(${inner()})`,
        `timestamp(${inner()})`,
        `vector(${scalar(random, 1)})`,
      ])
    case 16:
      return special(random, depth)
    default:
      return quantiles(random, depth)
  }
}

function instant(random: Random): string {
  return shifted(random, random.pick(selectors))
}

function shifted(random: Random, text: string): string {
  const offset = `offset ${random.pick(['', '', '-'])}${random.pick(durations)}`
  const at = `@ ${random.pick(['start()', 'end()', String((beginMs + random.int(endMs - beginMs)) / 1000)])}`
  switch (random.int(14)) {
    case 0:
    case 1:
      return `${text} ${offset}`
    case 2:
      return `${text} ${at}`
    case 3:
      return random.int(2) === 0 ? `${text} ${at} ${offset}` : `${text} ${offset} ${at}`
    default:
      return text
  }
}

function range(random: Random, depth: number): string {
  if (depth <= 0 || random.int(4) > 0) return shifted(random, `${random.pick(selectors)}[${random.pick(durations)}]`)
  const inner = `(${vector(random, depth - 1)})`
  const step = random.pick(['', '15s', '1m', '47s', '5m'])
  return shifted(random, `${inner}[${random.pick(['1m', '5m', '10m', '20m'])}:${step}]`)
}

function scalar(random: Random, depth: number): string {
  if (depth <= 0) return random.pick(numbers)
  switch (random.int(8)) {
    case 0:
      return 'time()'
    case 1:
      return `scalar(${vector(random, depth - 1)})`
    case 2:
      return `(${scalar(random, depth - 1)} ${random.pick(arithmetic)} ${scalar(random, depth - 1)})`
    case 3:
      return `(${scalar(random, depth - 1)} ${random.pick(comparisons)} bool ${scalar(random, depth - 1)})`
    case 4:
      return random.pick(['pi()', '-2 ^ 2', '2 ^ -1 ^ 2', '-time()'])
    default:
      return random.pick(numbers)
  }
}

function operator(random: Random): string {
  if (random.int(2) === 0) return random.pick(arithmetic)
  return `${random.pick(comparisons)}${random.int(4) === 0 ? ' bool' : ''}`
}

function some(random: Random): string {
  return Array.from({ length: random.int(3) }, () => random.pick(labels)).join(', ')
}

function matching(random: Random, groups: boolean): string {
  if (random.int(3) === 0) return ''
  const names = random.pick([some(random), 'job', 'instance', 'job, instance', 'code'])
  const base = ` ${random.pick(['on', 'ignoring'])}(${names})`
  if (!groups || random.int(2) === 0) return base
  return `${base} group_${random.pick(['left', 'right'])}${random.pick(['', `(${some(random)})`, '(version)', '(code)'])}`
}

/** Sides that often fit each other, and sometimes any two. */
function joined(random: Random, depth: number): string {
  const sides: readonly (readonly [string, string, string])[] = [
    ['requests_total', 'errors_total', ' ignoring(code) group_left'],
    ['rate(requests_total[5m])', 'rate(errors_total[5m])', ' on(job, instance) group_left()'],
    ['errors_total', 'requests_total{code="200"}', ' ignoring(code)'],
    ['errors_total', 'level', ''],
    ['level', 'limit', ' on(job) group_left'],
    ['limit', 'level', ' on(job) group_right'],
    ['errors_total', 'build_info', ' on(job, instance) group_left(version)'],
    ['build_info', 'requests_total', ' on(job, instance) group_right(version)'],
    ['sum by (job) (requests_total)', 'limit', ''],
    ['errors_total', 'errors_total offset 5m', ''],
    ['sum(rate(requests_total{code=~"5.."}[5m]))', 'sum(rate(requests_total[5m]))', ''],
  ]
  if (random.int(3) > 0) {
    const [left, right, clause] = random.pick(sides)
    return `${left} ${operator(random)}${clause} ${right}`
  }
  const left = vector(random, depth - 1)
  return `(${left} ${operator(random)}${matching(random, true)} ${vector(random, depth - 1 - random.int(2))})`
}

function aggregation(random: Random, depth: number): string {
  const clause = random.pick([
    '',
    ` by (${some(random)})`,
    ` without (${some(random)})`,
    ' by (job)',
    ' without (instance, code)',
  ])
  const inner = vector(random, depth - 1)
  switch (random.int(8)) {
    case 0:
      // Only values of which no two are alike: which of equals comes first, Prometheus leaves open.
      return `${random.pick(['topk', 'bottomk'])}${clause} (${random.pick(['0', '1', '2', '3', '9', '-1', '1.7', 'NaN', 'scalar(limit{job="api"})'])}, ${distinctValues(random)})`
    case 1:
      return `quantile${clause} (${scalar(random, 1)}, ${inner})`
    case 2:
      return `count_values${clause} ("${random.pick(['value', 'job', 'le'])}", ${random.pick(['level', 'limit', 'wild', 'requests_total', 'round(errors_total)', '-limit'])})`
    default:
      return random.int(2) === 0
        ? `${random.pick(plainAggregations)}${clause} (${inner})`
        : `${random.pick(plainAggregations)}(${inner})${clause}`
  }
}

function distinctValues(random: Random): string {
  return random.pick(['pressure', 'pressure offset 1m', 'sum_over_time(pressure[2m])', 'pressure * 3', 'pressure > 0'])
}

function relabelled(random: Random, inner: string): string {
  const join = `label_join(${inner}, "${random.pick(['dst', 'job', 'none'])}", "${random.pick(['-', ''])}", "job", "instance")`
  const replacement = random.pick([`${'$'}{1}x`, '$1', 'a$1b', '', '$$', '$1x', '$name'])
  const pattern = random.pick(['(.*)', '(a)(.*)', 'x|(y)', '', '(?P<name>.+)', '[ab]', '('])
  const target = random.pick(['dst', 'job', 'instance', 'room', 'a-b'])
  const replace = `label_replace(${inner}, "${target}", "${replacement}", "${random.pick(labels)}", "${pattern}")`
  return random.int(3) === 0 ? join : replace
}

function special(random: Random, depth: number): string {
  const inner = () => vector(random, depth - 1)
  const bound = () => scalar(random, 1)
  switch (random.int(9)) {
    case 0:
      return `clamp(${inner()}, ${bound()}, ${bound()})`
    case 1:
      return `clamp_${random.pick(['min', 'max'])}(${inner()}, ${bound()})`
    case 2:
      return `round(${inner()}${random.pick(['', ', 0.5', ', 10', `, ${bound()}`])})`
    case 3:
      return `predict_linear(${range(random, depth - 1)}, ${random.pick(['0', '3600', '-60', bound()])})`
    case 4:
      return `quantile_over_time(${random.pick(['0.5', '0.9', '0', '1', '-1', '2', 'NaN', bound()])}, ${range(random, depth - 1)})`
    case 5:
      return `${random.pick(dates)}(${random.pick(['', 'timestamp(level)', 'vector(time())', `abs(level) * ${random.int(1e9)}`])})`
    case 6:
      return `sort${random.pick(['', '_desc'])}(${inner()})`
    case 7:
      return `absent${random.pick(['(nothing{job="api",x!="y"})', '(nothing{job="a",job="b"})', '(sum(nothing))', '((nothing{job="api"}))', '_over_time(nothing{job="api"}[5m])', '_over_time(nothing{job="api"}[5m:1m])', '_over_time(sparse{job="api"}[1m])'])}`
    default:
      return `timestamp(${random.pick([instant(random), `(${instant(random)})`])})`
  }
}

function quantiles(random: Random, depth: number): string {
  const q = random.pick(['0.5', '0.9', '0.99', '0', '1', '-1', '2', 'NaN', scalar(random, 1)])
  const buckets = random.pick([
    'took_seconds_bucket',
    'rate(took_seconds_bucket[5m])',
    'sum by (le) (rate(took_seconds_bucket[5m]))',
    'sum by (le, job) (increase(took_seconds_bucket[10m]))',
    'took_seconds_bucket{le!="+Inf"}',
    'took_seconds_bucket{le=~"0.1|.Inf"}',
    'label_replace(took_seconds_bucket, "le", "x", "le", "1")',
    'label_replace(took_seconds_bucket, "le", "1.0", "le", "0.5")',
    vector(random, depth - 1),
  ])
  return `histogram_quantile(${q}, ${buckets})`
}
