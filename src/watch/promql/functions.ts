/** What an expression stands for. */
export type ValueType = 'scalar' | 'string' | 'vector' | 'range'

export interface Signature {
  args: readonly ValueType[]
  /** How many of the last may be left out; infinite where the last may be repeated. */
  optional: number
  returns: 'scalar' | 'vector'
}

const of = (args: readonly ValueType[], optional = 0, returns: 'scalar' | 'vector' = 'vector'): Signature => ({
  args,
  optional,
  returns,
})

const onVector = of(['vector'])
const onRange = of(['range'])
const onTime = of(['vector'], 1)

const named = (names: string, signature: Signature) =>
  names.split(' ').map((name): [string, Signature] => [name, signature])

/** The functions of Prometheus 2.42 that are evaluated here, with what they take. */
export const signatures: ReadonlyMap<string, Signature> = new Map([
  ...named('abs ceil exp floor ln log10 log2 sgn sqrt deg rad', onVector),
  ...named('acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh', onVector),
  ...named('absent sort sort_desc timestamp', onVector),
  ...named('day_of_month day_of_week day_of_year days_in_month hour minute month year', onTime),
  ...named('rate irate increase delta idelta deriv resets changes absent_over_time', onRange),
  ...named('avg_over_time min_over_time max_over_time sum_over_time count_over_time', onRange),
  ...named('stddev_over_time stdvar_over_time last_over_time present_over_time', onRange),
  ...named('pi time', of([], 0, 'scalar')),
  ['clamp', of(['vector', 'scalar', 'scalar'])],
  ['clamp_max', of(['vector', 'scalar'])],
  ['clamp_min', of(['vector', 'scalar'])],
  ['histogram_quantile', of(['scalar', 'vector'])],
  ['label_join', of(['vector', 'string', 'string', 'string'], Number.POSITIVE_INFINITY)],
  ['label_replace', of(['vector', 'string', 'string', 'string', 'string'])],
  ['predict_linear', of(['range', 'scalar'])],
  ['quantile_over_time', of(['scalar', 'range'])],
  ['round', of(['vector', 'scalar'], 1)],
  ['scalar', of(['vector'], 0, 'scalar')],
  ['vector', of(['scalar'])],
])

/** Aggregations, with what stands before the vector. */
export const aggregations: ReadonlyMap<string, 'scalar' | 'string' | undefined> = new Map<
  string,
  'scalar' | 'string' | undefined
>([
  ...['sum', 'min', 'max', 'avg', 'count', 'stddev', 'stdvar', 'group'].map((name): [string, undefined] => [
    name,
    undefined,
  ]),
  ['topk', 'scalar'],
  ['bottomk', 'scalar'],
  ['quantile', 'scalar'],
  ['count_values', 'string'],
])
