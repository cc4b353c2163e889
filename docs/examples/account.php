#!/usr/bin/env php
<?php
// Accounts of protobalance over its XML interface; PHP with its SimpleXML (Debian: php-xml).

const USAGE = <<<'END'
usage: account.php add ADDRESS BOX       the password is read from standard input
       account.php password ADDRESS      likewise
       account.php show ADDRESS
       account.php delete ADDRESS

BALANCE_URL is the interface (default http://127.0.0.1:8080/xml), BALANCE_KEYFILE a file that
holds nothing but the access key. Exit status: 0 done, 1 refused, 2 could not ask.

END;

function fail(int $status, string $text): never
{
    fwrite(STDERR, $text);
    exit($status);
}

/** What file() and the like give, or the end with their reason. */
function need(string|false $value): string
{
    if ($value === false) {
        fail(2, 'account.php: cannot ask: ' . error_get_last()['message'] . "\n");
    }
    return $value;
}

/** One command; the <response> element. */
function call(string $command, array $parameters): SimpleXMLElement
{
    $parameters['accesskey'] = trim(need(@file_get_contents(getenv('BALANCE_KEYFILE'))));
    $request = '<?xml version="1.0" encoding="UTF-8"?>' . "<$command>";
    foreach ($parameters as $tag => $value) {
        $request .= "<$tag>" . htmlspecialchars($value, ENT_XML1) . "</$tag>";
    }
    $post = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: text/xml',
        'content' => "$request</$command>",
        'timeout' => 60,
        'ignore_errors' => true, // a refusal has a body, too
    ]]);
    $url = getenv('BALANCE_URL') ?: 'http://127.0.0.1:8080/xml';
    $answer = need(@file_get_contents($url, false, $post));
    libxml_use_internal_errors(true);
    $response = simplexml_load_string($answer);
    if ($response === false || !isset($response->status)) {
        fail(2, "account.php: cannot ask: the answer is not protobalance's\n");
    }
    if ((string) $response->status !== 'ok') {
        fail(1, "account.php: $response->error ($response->code)\n");
    }
    return $response;
}

function password(): string
{
    return preg_replace('/\n\z/', '', stream_get_contents(STDIN));
}

$address = ['email_address' => $argv[2] ?? ''];
if (getenv('BALANCE_KEYFILE') === false) {
    fail(2, USAGE);
}
switch (($argv[1] ?? '') . ' ' . ($argc - 2)) {
    case 'add 2':
        call('addnewemail', $address + ['boxid' => $argv[3], 'user_password' => password()]);
        break;
    case 'password 1':
        call('commitmodifyemail', $address + ['user_password' => password()]);
        break;
    case 'show 1':
        foreach (call('getemail', $address) as $tag => $value) {
            if ($tag !== 'command' && $tag !== 'status') {
                echo "$tag: $value\n";
            }
        }
        break;
    case 'delete 1':
        call('deleteemail', $address);
        break;
    default:
        fail(2, USAGE);
}
