import type { Mutation } from 'aval'

/** A break of each thing that the schema watches over, and one that forgets what was promised. */
export const mutations: readonly Mutation[] = [
  {
    id: 'centavo-kept',
    breaks: 'integrity/database/invoice-adds-up',
    description: 'Every line of an invoice loses a centavo after the sum was taken',
    sql: [
      `CREATE FUNCTION keep_a_centavo() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         UPDATE invoice_lines SET amount = amount - 0.01 WHERE tenant_id = NEW.tenant_id AND invoice_id = NEW.id;
         RETURN NEW;
       END $$`,
      `CREATE TRIGGER a_centavo BEFORE UPDATE OF status ON invoices FOR EACH ROW WHEN (NEW.status = 'stamped') EXECUTE FUNCTION keep_a_centavo()`,
    ],
  },
  {
    id: 'paid-on-credit',
    breaks: 'integrity/database/paid-is-paid',
    description: 'The first peso of a payment makes an invoice count as paid',
    sql: [
      `CREATE FUNCTION keep_a_peso() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         NEW.amount := 1;
         UPDATE invoices SET status = 'paid' WHERE tenant_id = NEW.tenant_id AND id = NEW.invoice_id AND status = 'stamped';
         RETURN NEW;
       END $$`,
      'CREATE TRIGGER a_peso BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION keep_a_peso()',
    ],
  },
  {
    id: 'dial-turned-back',
    breaks: 'integrity/database/meter-never-runs-back',
    description: 'The dial of every meter is kept upside down',
    sql: [
      `CREATE FUNCTION turn_back() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         NEW.value_m3 := 1000000 - NEW.value_m3;
         RETURN NEW;
       END $$`,
      'CREATE TRIGGER turned_back BEFORE INSERT ON meter_readings FOR EACH ROW EXECUTE FUNCTION turn_back()',
    ],
  },
  {
    id: 'gap-in-tariff',
    breaks: 'integrity/database/tariff-blocks-join',
    description: 'The second block of every tariff begins a cubic metre late',
    sql: [
      `CREATE FUNCTION leave_a_gap() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         NEW.blocks := jsonb_set(NEW.blocks, '{1,from_m3}', '11');
         RETURN NEW;
       END $$`,
      'CREATE TRIGGER a_gap BEFORE INSERT ON tariff_schedules FOR EACH ROW EXECUTE FUNCTION leave_a_gap()',
    ],
  },
  {
    id: 'month-forgotten',
    breaks: 'integrity/database/months-made-in-time',
    description: 'Nobody made the partition of a month in time',
    sql: ['DROP TABLE meter_readings_2026_05'],
  },
]
