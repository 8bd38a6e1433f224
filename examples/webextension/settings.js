export const settings = {
  server: 'https://auth.example.org', clientId: '12345', api: 'https://api.stackexchange.com/2.3',
}
