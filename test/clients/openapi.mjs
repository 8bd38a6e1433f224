// Validates the description of a server's API by the schema of OpenAPI.
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const document = await (await fetch(process.argv[2])).json();
const { valid, errors } = await validator.validate(document);
if (!valid || validator.version !== '3.1') {
  console.error(validator.version, JSON.stringify(errors, null, 2));
  process.exit(1);
}
