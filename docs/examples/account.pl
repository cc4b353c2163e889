#!/usr/bin/env perl
# Accounts of protobalance over its XML interface; Perl's core modules alone.
use strict;
use warnings;
use HTTP::Tiny;

my $usage = <<'END';
usage: account.pl add ADDRESS BOX       the password is read from standard input
       account.pl password ADDRESS      likewise
       account.pl show ADDRESS
       account.pl delete ADDRESS

BALANCE_URL is the interface (default http://127.0.0.1:8080/xml), BALANCE_KEYFILE a file that
holds nothing but the access key. Exit status: 0 done, 1 refused, 2 could not ask.
END

sub fail {
	my ($status, $text) = @_;
	print STDERR $text;
	exit $status;
}

sub escape {
	my ($text) = @_;
	my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
	$text =~ s/([&<>])/$entity{$1}/g;
	return $text;
}

sub unescape {
	my ($text) = @_;
	my %char = (amp => '&', lt => '<', gt => '>', '#13' => "\r");
	$text =~ s/&(amp|lt|gt|#13);/$char{$1}/g;
	return $text;
}

sub access_key {
	my $path = $ENV{BALANCE_KEYFILE};
	open(my $file, '<', $path) or fail(2, "account.pl: cannot ask: $path: $!\n");
	my ($key) = <$file> =~ /(\S+)/ or fail(2, "account.pl: cannot ask: no key in $path\n");
	return $key;
}

# One command: its answer as a list of tag => value. Perl brings no XML parser; an account's
# answer is one level deep and its form does not change, so that an expression does.
sub call {
	my ($command, %parameters) = @_;
	$parameters{accesskey} = access_key();
	my $request = qq(<?xml version="1.0" encoding="UTF-8"?><$command>);
	$request .= "<$_>" . escape($parameters{$_}) . "</$_>" for sort keys %parameters;
	my $url = $ENV{BALANCE_URL} // 'http://127.0.0.1:8080/xml';
	my $http = HTTP::Tiny->new(timeout => 60, http_proxy => undef, https_proxy => undef);
	my $answer = $http->post($url, { content => "$request</$command>",
					 headers => { 'Content-Type' => 'text/xml' } });
	my @values = map { unescape($_) } $answer->{content} =~ m{<(\w+)>([^<]*)</\g1>}g;
	my %value = $answer->{status} == 599 ? () : @values;
	$value{status} // fail(2, "account.pl: cannot ask: $answer->{status} $answer->{reason}"
			. ($answer->{status} == 599 ? ": $answer->{content}\n" : "\n"));
	fail(1, "account.pl: $value{error} ($value{code})\n") if $value{status} ne 'ok';
	return @values;
}

sub password {
	local $/;
	return (<STDIN> // '') =~ s/\n\z//r;
}

my %commands = (
	'add 2' => sub {
		call('addnewemail', email_address => $_[0], boxid => $_[1], user_password => password());
	},
	'password 1' => sub {
		call('commitmodifyemail', email_address => $_[0], user_password => password());
	},
	'show 1' => sub {
		my @values = call('getemail', email_address => $_[0]);
		while (my ($tag, $value) = splice(@values, 0, 2)) {
			print "$tag: $value\n" unless $tag =~ /^(command|status)$/;
		}
	},
	'delete 1' => sub { call('deleteemail', email_address => $_[0]) },
);

my $command = shift // '';
my $run = $commands{"$command " . @ARGV};
fail(2, $usage) unless $run && $ENV{BALANCE_KEYFILE};
$run->(@ARGV);
