/** What was refused: the name of a metric or label, a label's value, a field, an attribute, an event or span, an item with no room left. */
export type RefusedKind = 'metric' | 'label' | 'value' | 'field' | 'attribute' | 'event' | 'span' | 'full'

/** Told of everything that did not leave; `name` is a name of the list, or `other` when the list does not hold it. */
export type Refuse = (kind: RefusedKind, name: string) => void

/** The counter of the plan that holds how often anything was refused; its labels `kind` and `label` are filled when it has them. */
export const refusedCounter = 'telemetry_refused_total'
