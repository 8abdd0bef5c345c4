import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAdmission, type Place } from './admission.ts'

test('whatever comes and goes, no more work than may, nobody is forgotten, and turns go in order', async () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant('come' as const), user: fc.constantFrom('ana', 'bob', 'carla') }),
    fc.record({ does: fc.constantFrom('turn' as const, 'leave' as const), which: fc.nat(20) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const capacity = { atOnce: 2, waiting: 3, perUser: 2 }
      const admission = createAdmission(capacity)
      const present: { user: string; place: Place; asked: boolean; working: boolean }[] = []
      const queue: object[] = []
      for (const one of steps) {
        if (one.does === 'come') {
          const held = present.filter(({ user }) => user === one.user).length
          const place = admission.admit(one.user)
          if (present.length >= 5) assert.equal(place, 'full')
          else if (held >= 2) assert.equal(place, 'too-many')
          else if (typeof place === 'object') present.push({ user: one.user, place, asked: false, working: false })
          else assert.fail(`there was room: ${place}`)
          continue
        }
        const guest = present[one.which % Math.max(present.length, 1)]
        if (guest === undefined) continue
        if (one.does === 'leave') {
          guest.place.leave()
          guest.place.leave()
          present.splice(present.indexOf(guest), 1)
          if (queue.includes(guest)) queue.splice(queue.indexOf(guest), 1)
        } else if (!guest.asked) {
          guest.asked = true
          queue.push(guest)
          void guest.place.turn().then(() => {
            assert.equal(queue.shift(), guest, 'the one who waits longest')
            guest.working = true
          })
        }
        await new Promise((resolve) => setImmediate(resolve))
        const working = present.filter((each) => each.working).length
        const asked = present.filter((each) => each.asked).length
        assert.equal(working, Math.min(asked, capacity.atOnce))
      }
    }),
    { numRuns: 100 },
  )
})
