import { accepted, page, refused, unauthenticated } from './answers.ts'
import { caseOf, get, pull, push, status } from './scene.ts'

const promise = 'sync-status'
const moment = 're:^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}'

export const syncStatus = [
  caseOf(promise, 'new-user', 'A user without devices has none listed', ({ person }) => [
    status(person('ana'), { status: 200, json: { epoch: 'any:number', cursor: 'any:string', devices: [] } }),
  ]),
  caseOf(promise, 'devices', 'Each device is listed with what it wrote', ({ person, entity, entities }) => {
    const ana = person('ana')
    return [
      push(ana, entities('phone', 3), accepted(3), { device: 'phone' }),
      push(ana, [entity('tablet')], accepted(1), { device: 'tablet' }),
      status(ana, {
        status: 200,
        json: {
          devices: [
            { device_id: 'phone', last_sync_at: moment, sync_version: 3, vector: { phone: 3 } },
            { device_id: 'tablet', last_sync_at: moment, sync_version: 4, vector: { tablet: 4 } },
          ],
        },
      }),
    ]
  }),
  caseOf(promise, 'seen', "A device that pulled has seen the other's writes", ({ person, entities }) => {
    const ana = person('ana')
    const written = entities('phone', 3)
    return [
      push(ana, written, accepted(3), { device: 'phone' }),
      pull(ana, 'device_id=tablet', page(written)),
      status(ana, {
        status: 200,
        json: { devices: [{ device_id: 'phone' }, { device_id: 'tablet', sync_version: 3, vector: { phone: 3 } }] },
      }),
    ]
  }),
  caseOf(promise, 'cursor', 'The cursor of the status stands after all that is there', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [entity('first')], accepted(1)),
      status(ana, { status: 200 }, { save: { cursor: '/cursor' } }),
      pull(ana, 'cursor={{cursor}}', page([])),
      push(ana, [entity('second')], accepted(1)),
      pull(ana, 'cursor={{cursor}}', page([entity('second')])),
    ]
  }),
  caseOf(promise, 'needs-a-token', 'Nobody reads a status without saying who they are', () => [
    get('/sync/status', unauthenticated),
    get('/sync/status?user_id=someone', unauthenticated),
  ]),
  caseOf(promise, 'reads-only', 'The status is read, never written', ({ person }) => [
    {
      as: person('ana'),
      service: 'api',
      request: { method: 'POST', path: '/sync/status', json: {} },
      expect: refused(404, 'NOT_FOUND'),
    },
  ]),
]
