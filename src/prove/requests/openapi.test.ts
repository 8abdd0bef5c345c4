import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOpenapi } from './openapi.ts'

const document = {
  openapi: '3.1.0',
  paths: {
    '/notes/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { $ref: '#/components/schemas/Id' } }],
      get: {
        parameters: [{ name: 'lang', in: 'query', schema: { enum: ['es', 'en'] } }],
        responses: { 200: { content: { 'application/json': { schema: { type: 'object' } } } }, '4XX': {} },
      },
      put: {
        security: [{ token: [] }],
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Tree' } } } },
        responses: { 204: {} },
      },
    },
  },
  components: {
    schemas: {
      Id: { type: 'string', pattern: '^[a-z]+$' },
      Tree: { type: 'object', properties: { child: { $ref: '#/components/schemas/Tree' } } },
    },
  },
}

test('every operation is read with what it takes and what it answers', () => {
  const [get, put, ...others] = readOpenapi(JSON.stringify(document))
  assert.deepEqual(others, [])
  assert.equal(get?.id, 'GET /notes/{id}')
  assert.equal(get?.secured, false)
  assert.deepEqual(
    get?.parameters.map(({ name, in: place, required }) => [name, place, required]),
    [
      ['lang', 'query', false],
      ['id', 'path', true],
    ],
  )
  assert.deepEqual([...(get?.answers.keys() ?? [])], ['200', '4XX'])
  assert.equal(put?.secured, true)
  assert.deepEqual([...(put?.bodies.keys() ?? [])], ['application/json'])
})

test('references are followed, and one that leads back to itself ends', () => {
  const [get, put] = readOpenapi(JSON.stringify(document))
  assert.equal(get?.parameters.find(({ name }) => name === 'id')?.schema.pattern, '^[a-z]+$')
  assert.deepEqual(put?.bodies.get('application/json')?.properties?.['child'], {})
})

test('what is no OpenAPI document of version 3 is refused', () => {
  for (const text of ['{}', '{"swagger":"2.0","paths":{}}', '[]']) assert.throws(() => readOpenapi(text), text)
})
