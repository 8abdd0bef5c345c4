import type { Column } from './columns.ts'

/** What an expression has come to, over all steps. Range vectors never stand alone: functions take them as `Ranges`. */
export type Value =
  | { kind: 'scalar'; values: Float64Array }
  | { kind: 'string'; value: string }
  | { kind: 'vector'; columns: readonly Column[] }
