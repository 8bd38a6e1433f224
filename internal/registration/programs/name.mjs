
// Stack Exchange writes texts as in HTML.
const user = await fetch(me, { headers: { Authorization: `Bearer ${token}` } });
console.log('Hello,', (await user.json()).items[0].display_name);
