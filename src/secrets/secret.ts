/**
 * Something that must never be shown. It has no property that holds it: printing, logging or serialising one gives nothing away,
 * and whoever needs it says so by name.
 */
export interface Secret<Value> {
  reveal(): Value
}

export function secret<Value>(value: Value): Secret<Value> {
  return { reveal: () => value }
}
