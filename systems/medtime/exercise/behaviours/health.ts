import { accepted } from './answers.ts'
import { caseOf, get, push, raw } from './scene.ts'

const promise = 'health'

export const health = [
  caseOf(promise, 'alive', 'The process says that it lives', () => [
    get('/health', { status: 200, headers: { 'content-type': 're:^application/json' }, json: { status: 'ok' } }),
  ]),
  caseOf(promise, 'ready', 'The service says that it reaches its database', () => [
    get('/health/ready', { status: 200 }),
  ]),
  caseOf(promise, 'open', 'Health is asked without a token, and a bad one does not matter', () => [
    raw({ method: 'GET', path: '/health', headers: { authorization: 'Bearer x' } }, { status: 200 }),
    raw({ method: 'GET', path: '/health/ready', headers: { authorization: 'Bearer x' } }, { status: 200 }),
  ]),
  caseOf(promise, 'metrics', 'Metrics are Prometheus text', () => [
    get('/metrics', {
      status: 200,
      headers: { 'content-type': 're:^text/plain' },
      text: { has: ['re:# TYPE \\w+ (counter|gauge|histogram)', 're:\\nhttp_requests_total(\\{[^}]*\\})? \\d+'] },
    }),
  ]),
  caseOf(
    promise,
    'metrics-are-blind',
    'Metrics name no user, no entity and no device',
    ({ person, userId, entity }) => {
      const dose = entity('dose')
      return [
        push(person('ana'), [dose], accepted(1), { device: 'phone-of-ana-4471' }),
        get(`/sync/pull/${dose.id}`, { status: 404 }),
        get('/metrics', {
          status: 200,
          text: { lacks: [userId('ana'), dose.id, dose.checksum, 'phone-of-ana-4471', '@'] },
        }),
      ]
    },
  ),
  caseOf(promise, 'described', 'The service describes its routes', () => [
    get('/openapi.json', {
      status: 200,
      json: {
        openapi: 're:^3\\.',
        paths: {
          '/sync/push': { post: { responses: { '200': {}, '409': {}, '422': {} } } },
          '/sync/pull': { get: { responses: { '200': {} } } },
          '/sync/status': { get: { responses: { '200': {} } } },
          '/health': { get: {} },
          '/health/ready': { get: {} },
        },
      },
    }),
  ]),
]
