import type { Refuse } from './refusals.ts'

/** The series of one metric: a cell for each combination of label values that was ever told. */
export interface Series<Cell> {
  /**
   * The cell of these labels. A value that is not declared counts as `other`, and so does a label that is left out.
   * @throws what `unlisted` throws, for a label that the metric does not have
   */
  at(labels: Readonly<Record<string, string>>): Cell
  all(): readonly { labels: Readonly<Record<string, string>>; cell: Cell }[]
}

interface Label {
  name: string
  values: readonly string[]
  /** Of each value the place in `values`; that of `other` is the first. */
  places: ReadonlyMap<string, number>
}

/**
 * A request tells dozens of figures, so finding a cell makes no object and no text: the values a label may take are numbered, and the numbers
 * of all labels together are the number of the cell.
 * @param labels the values that each label may take
 */
export function seriesOf<Cell>(options: {
  labels: ReadonlyMap<string, readonly string[]>
  make: () => Cell
  unlisted: (label: string) => never
  refuse: Refuse
}): Series<Cell> {
  const { make, unlisted, refuse } = options
  const known = [...options.labels].map(([name, declared]): Label => {
    const values = [...new Set(['other', ...declared])]
    return { name, values, places: new Map(values.map((value, place) => [value, place])) }
  })
  const cells = new Map<number, Cell>()
  const create = (number: number) => {
    const cell = make()
    cells.set(number, cell)
    return cell
  }
  // What has no labels is told from the start, as nought.
  if (known.length === 0) create(0)
  return {
    at: (labels) => {
      let number = 0
      let more = 0
      for (const { name, values, places } of known) {
        const value = labels[name]
        let place = 0
        if (value !== undefined) {
          more--
          const found = places.get(value)
          if (found === undefined) refuse('value', name)
          else place = found
        }
        number = number * values.length + place
      }
      for (const name in labels) if (labels[name] !== undefined) more++
      if (more > 0) {
        for (const name in labels) if (!options.labels.has(name)) unlisted(name)
      }
      return cells.get(number) ?? create(number)
    },
    all: () => [...cells].map(([number, cell]) => ({ labels: labelsAt(known, number), cell })),
  }
}

function labelsAt(known: readonly Label[], number: number): Record<string, string> {
  let rest = number
  const told: [string, string][] = []
  for (const { name, values } of known.toReversed()) {
    told.unshift([name, values[rest % values.length] ?? 'other'])
    rest = Math.floor(rest / values.length)
  }
  return Object.fromEntries(told)
}
