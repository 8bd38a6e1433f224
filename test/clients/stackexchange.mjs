// Asks for a user with a client of the Stack Exchange API, which puts the key and
// the token into the query, and prints the answer.
import StackExchange from "stackexchange";

const [key, token, user] = process.argv.slice(2);
const context = new StackExchange({ version: "2.3" });
context.users.users({ key, access_token: token }, [user], (error, answer) => {
  if (error) throw error;
  console.log(JSON.stringify(answer));
});
