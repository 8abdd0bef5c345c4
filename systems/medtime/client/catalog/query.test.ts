import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalise } from './normalise.ts'
import { parseQuery } from './query.ts'
import { hasStrength, writeStrength } from './strength.ts'

test('accents, capitals, marks and spaces do not matter', () => {
  assert.equal(normalise('  Ácido  FÓLICO '), 'acido folico')
  assert.equal(normalise('Amoxicilina/Clavulánico (500-mg)'), 'amoxicilina clavulanico 500 mg')
  assert.equal(normalise('0,9 % · 12.5'), '0.9 12.5')
  assert.equal(normalise('Interferón β-1a, Straße, Crohn’s'), 'interferon beta 1a strasse crohns')
})

test('what is normalised is letters, digits and points in words, and stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const normalised = normalise(text)
      assert.match(normalised, /^([a-z0-9.]+( [a-z0-9.]+)*)?$/)
      assert.equal(normalise(normalised), normalised)
    }),
  )
})

test('a query is taken apart into a name, strengths and a form', () => {
  const parts = (typed: string) => {
    const { text, words, strengths, form } = parseQuery(typed)
    return [text, words.join(' '), strengths.map(({ value, unit }) => `${value}${unit ?? ''}`).join(' '), form]
  }
  assert.deepEqual(parts('Losartán potásico 50 mg tabletas'), ['losartan potasico', 'losartan', '50mg', 'tablet'])
  assert.deepEqual(parts('amoxicilina 250mg/5ml susp'), [
    'amoxicilina susp',
    'amoxicilina susp',
    '250mg 5ml',
    undefined,
  ])
  assert.deepEqual(parts('vitamina b12'), ['vitamina b12', 'vitamina b12', '', undefined])
  assert.deepEqual(parts('cloruro de sodio'), ['cloruro de sodio', 'cloruro sodio', '', undefined])
  assert.deepEqual(parts('500'), ['500', '500', '', undefined])
  assert.deepEqual(parts('gel'), ['gel', 'gel', '', undefined], 'the first word is a name')
  assert.deepEqual(parts('¡!'), ['', '', '', undefined])
})

test('strengths are written in one way, and what is not understood is not written at all', () => {
  const written: [string, string | undefined][] = [
    ['500MG', '500 mg'],
    ['EQ 500MG BASE', '500 mg'],
    ['12.5MG;50MG', '12.5 mg + 50 mg'],
    ['100MG/5ML', '100 mg/5 ml'],
    ['20,000 UNITS/ML', '20000 iu/ml'],
    ['0.05%', '0.05%'],
    ['1GM', '1 g'],
    ['N/A', undefined],
    ['0.01', undefined],
    ['5MG;N/A', undefined],
  ]
  for (const [text, expected] of written) assert.equal(writeStrength(text), expected, text)
})

test('a typed strength is met in its own unit or in another of mass; without a unit in any', () => {
  const met = (strength: string, value: number, unit?: string) => hasStrength(strength, [{ value, unit }])
  assert.ok(met('1 g', 1000, 'mg') && met('1 g', 1000) && met('1 g', 1) && met('100 mcg', 0.1, 'mg'))
  assert.ok(met('12.5 mg + 50 mg', 50) && met('250 mg/5 ml', 250, 'mg') && met('0.05%', 0.05))
  assert.ok(!met('250 mg/5 ml', 5), 'what it is dissolved in is no strength')
  assert.ok(!met('50 iu', 50, 'mg') && !met('500 mg', 50) && !met('5 mg', 5, 'mcg'))
})
