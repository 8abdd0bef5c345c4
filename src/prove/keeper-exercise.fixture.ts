/** Source of an exercise of the tiny system: each actor keeps items under names of its own. */
export const keeperExercise = `
export const exercise = ({ address, now }) => {
  const mine = new Map()
  let count = 0
  const keeper = (path, method = 'GET') =>
    fetch(address('keeper') + path, { method, signal: AbortSignal.timeout(5000) }).then(async (response) => {
      if (!response.ok) throw new Error('answered ' + response.status)
      return response.json()
    })
  const all = async () => new Set(await keeper('/items'))
  let look
  const put = async (item) => {
    await keeper('/items/' + item, 'PUT')
    look = undefined
  }
  // One look for the questions of a moment, so that many writes cost no more than few. A write makes it old.
  const recent = () => {
    if (look === undefined || now() - look.at > 200) look = { at: now(), items: all() }
    return look.items
  }
  return {
    actors: async (seed, wanted) =>
      Array.from({ length: wanted }, (_, index) => {
        const id = 'actor-' + seed + '-' + index
        mine.set(id, [])
        return { id }
      }),
    step: async ({ id }) => {
      const item = id + '-' + count++
      const sentAt = now()
      await put(item)
      mine.get(id).push(item)
      await new Promise((resolve) => setTimeout(resolve, 25))
      return { id: item, actor: id, operation: 'put', kind: 'write', sentAt, acknowledgedAt: now(), token: item }
    },
    perform: async () => undefined,
    readBack: async (ack) => ((await recent()).has(ack.token) ? 'kept' : 'lost'),
    settle: async (actors) => {
      const there = await all()
      for (const { id } of actors) for (const item of mine.get(id)) if (!there.has(item)) await put(item)
    },
    credentials: async () => ({}),
    paths: () => [],
    behaviours: () => [],
    mutations: () => [],
    smoke: async () => ({ passed: true, checks: [] }),
  }
}
`
