// dotnet add package Duende.IdentityModel.OidcClient
//
// The tests of DSS do not run this program. It takes the first request to its address for the answer; an app should
// wait for the one with its state.
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Duende.IdentityModel.OidcClient;

var server = Environment.GetEnvironmentVariable("DSS_SERVER") ?? "https://auth.example.org";
var api = Environment.GetEnvironmentVariable("DSS_STACKEXCHANGE_API_URL") ?? "https://api.stackexchange.com/2.3";

var probe = new TcpListener(IPAddress.Loopback, 0); // HttpListener finds no free port by itself
probe.Start();
var redirectUri = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
probe.Stop();
using var listener = new HttpListener();
listener.Prefixes.Add(redirectUri);
listener.Start();

var client = new OidcClient(new OidcClientOptions
{
    Authority = server,
    ClientId = Environment.GetEnvironmentVariable("DSS_CLIENT_ID"),
    RedirectUri = redirectUri,
    LoadProfile = false, // the profile is at the API
});
var login = await client.PrepareLoginAsync();
Console.WriteLine($"Sign in at {login.StartUrl}");

var context = await listener.GetContextAsync();
var page = context.Request.QueryString["error"] switch { null => "/done", "access_denied" => "/denied", _ => "/failed" };
context.Response.StatusCode = 303;
context.Response.Headers["Location"] = server + page;
context.Response.Headers["Referrer-Policy"] = "no-referrer";
context.Response.Close();
var result = await client.ProcessResponseAsync(context.Request.RawUrl, login);
if (result.IsError) throw new Exception($"{result.Error}: {result.ErrorDescription}");

using var http = new HttpClient(new HttpClientHandler { AutomaticDecompression = DecompressionMethods.GZip });
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", result.AccessToken);
var me = await http.GetFromJsonAsync<JsonElement>($"{api}/me?site=stackoverflow");
Console.WriteLine($"Hello, {me.GetProperty("items")[0].GetProperty("display_name")}");
