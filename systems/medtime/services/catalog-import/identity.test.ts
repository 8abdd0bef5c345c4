import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medicineId } from './identity.ts'
import { starterIdentity } from './sources/starter.ts'

const { keyOf } = await starterIdentity()

test('names of one substance are one, in any language, salt and order', () => {
  const same: string[][][] = [
    [['paracetamol'], ['ACETAMINOPHEN'], ['Acetaminofén'], ['Paracetamol']],
    [['losartan'], ['LOSARTAN POTASSIUM'], ['Losartán potásico'], ['Losartana']],
    [['clindamycin'], ['Clindamicina'], ['CLINDAMYCIN HYDROCHLORIDE'], ['Clorhidrato de clindamicina']],
    [['salbutamol'], ['ALBUTEROL SULFATE'], ['Sulfato de salbutamol']],
    [['ziprasidone'], ['Ziprasidona'], ['ZIPRASIDONE MESYLATE']],
    [['zolazepam'], ['Zolazepam']],
    [['estavudina'], ['stavudine']],
    [['chlorothiazide'], ['Clorotiazida']],
    [
      ['HYDROCHLOROTHIAZIDE', 'LOSARTAN POTASSIUM'],
      ['losartán', 'hidroclorotiazida'],
    ],
    [['sodium chloride'], ['Cloruro de sodio'], ['Cloreto de sódio']],
  ]
  for (const names of same) assert.equal(new Set(names.map(keyOf)).size, 1, names.map(keyOf).join(' | '))
})

test('names that are only alike are not one: a wrong name of a medicine is worse than two names', () => {
  const pairs: [string, string][] = [
    ['prednisone', 'prednisolone'],
    ['chlorphenamine', 'chloramphenicol'],
    ['hydroxyzine', 'hydralazine'],
    ['clonidine', 'clonazepam'],
    ['vinblastine', 'vincristine'],
    ['cycloserine', 'ciclosporin'],
    ['tenofovir disoproxil', 'tenofovir alafenamide'],
    ['sodium chloride', 'potassium chloride'],
    ['sodium chloride', 'sodium bicarbonate'],
    ['insulin glargine', 'insulin lispro'],
    ['zinc sulfate', 'zinc chloride'],
    ['estrone', 'estriol'],
    ['daunorubicin', 'doxorubicin'],
    ['cortisone', 'hydrocortisone'],
    ['ephedrine', 'epinephrine'],
    ['melphalan', 'melphalan flufenamide'],
  ]
  for (const [one, other] of pairs) assert.notEqual(keyOf([one]), keyOf([other]), `${one} and ${other}`)
})

test('an id is stable, and does not show the name', () => {
  assert.equal(medicineId('losartan'), medicineId('losartan'))
  assert.match(medicineId('losartan'), /^[0-9a-f]{16}$/)
})
