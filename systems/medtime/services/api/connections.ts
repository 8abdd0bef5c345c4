/** Connections of one instance, by what waits for them. */
export interface Connections {
  counting: number
  reading: number
  others: number
}

/**
 * Shares out the connections an instance may have, so that no kind of work waits in the queue of another. Requests are counted on one: in the
 * queue for the others a request would wait behind those that were counted before it. Pages are read on a third: a server of Postgres
 * keeps its plans to itself, and a page is read a quarter cheaper by a few that do it all the time than by all of them in turn.
 * @param all at least 3
 */
export function shareOut(all: number): Connections {
  const [counting, reading] = [1, Math.max(1, Math.floor(all / 3))]
  return { counting, reading, others: all - counting - reading }
}
