-- What was handed to a customer and the tax authority stays as it was. A draft may change in any way; once issued, an invoice goes on from stamped
-- to paid, or is cancelled, and nothing else of it or of its lines changes. The owner is bound by it like everybody.
CREATE FUNCTION keep_issued_invoice() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.status = 'draft' THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'an issued invoice cannot be deleted' USING ERRCODE = 'restrict_violation';
  END IF;
  IF to_jsonb(NEW) - 'status' IS DISTINCT FROM to_jsonb(OLD) - 'status' THEN
    RAISE EXCEPTION 'an issued invoice cannot change' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN
    (('stamped', 'paid'), ('stamped', 'cancelled'), ('paid', 'cancelled'))
  THEN
    RAISE EXCEPTION 'an issued invoice cannot go from % to %', OLD.status, NEW.status USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER keep_issued_invoice BEFORE UPDATE OR DELETE ON invoices
  FOR EACH ROW EXECUTE FUNCTION keep_issued_invoice();
--> statement-breakpoint
-- The lock on the invoice makes whoever issues it at the same moment wait: no line slips in behind the stamp.
CREATE FUNCTION keep_issued_lines() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  line public.invoice_lines := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  former public.invoice_lines := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
  invoice_status text;
BEGIN
  -- The state is read from the row as it is once the lock is held, which a condition on it in the query would not do.
  FOR invoice_status IN
    SELECT i.status FROM public.invoices AS i
      WHERE (i.tenant_id, i.id) IN ((line.tenant_id, line.invoice_id), (former.tenant_id, former.invoice_id))
      FOR SHARE
  LOOP
    IF invoice_status <> 'draft' THEN
      RAISE EXCEPTION 'the lines of an issued invoice cannot change' USING ERRCODE = 'restrict_violation';
    END IF;
  END LOOP;
  RETURN line;
END
$$;
--> statement-breakpoint
CREATE TRIGGER keep_issued_lines BEFORE INSERT OR UPDATE OR DELETE ON invoice_lines
  FOR EACH ROW EXECUTE FUNCTION keep_issued_lines();
