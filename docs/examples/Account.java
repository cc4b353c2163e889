// Accounts of protobalance over its XML interface; one file, the JDK (17 or newer) alone:
// java Account.java ...

import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;

public class Account {
    static final String USAGE = """
            usage: java Account.java add ADDRESS BOX     the password is read from standard input
                   java Account.java password ADDRESS    likewise
                   java Account.java show ADDRESS
                   java Account.java delete ADDRESS

            BALANCE_URL is the interface (default http://127.0.0.1:8080/xml), BALANCE_KEYFILE a file
            that holds nothing but the access key. Exit status: 0 done, 1 refused, 2 could not ask.
            """;

    static class Refused extends Exception {
        Refused(String text) {
            super(text);
        }
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    /** One command, its parameters as tag, value, tag, value...; the answer's values by tag. */
    static Map<String, String> call(String command, String... parameters) throws Exception {
        String key = Files.readString(Path.of(System.getenv("BALANCE_KEYFILE"))).strip();
        StringBuilder request = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        request.append("<" + command + "><accesskey>" + escape(key) + "</accesskey>");
        for (int i = 0; i < parameters.length; i += 2)
            request.append("<" + parameters[i] + ">" + escape(parameters[i + 1])
                    + "</" + parameters[i] + ">");
        request.append("</" + command + ">");
        String url = System.getenv().getOrDefault("BALANCE_URL", "http://127.0.0.1:8080/xml");
        HttpResponse<String> answer = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
                .build().send(HttpRequest.newBuilder(URI.create(url))
                        .timeout(Duration.ofSeconds(60)).header("Content-Type", "text/xml")
                        .POST(HttpRequest.BodyPublishers.ofString(request.toString())).build(),
                        HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        Map<String, String> values = parse(answer.body());
        if (!"ok".equals(values.get("status")))
            throw new Refused(values.get("error") + " (" + values.get("code") + ")");
        return values;
    }

    static Map<String, String> parse(String answer) throws Exception {
        Map<String, String> values = new LinkedHashMap<>();
        var builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
        builder.setErrorHandler(null); // it throws; no need to print as well
        Element response = builder.parse(new InputSource(new StringReader(answer)))
                .getDocumentElement();
        for (Node n = response.getFirstChild(); n != null; n = n.getNextSibling())
            if (n instanceof Element)
                values.put(n.getNodeName(), n.getTextContent());
        if (!values.containsKey("status"))
            throw new IOException("the answer is not protobalance's");
        return values;
    }

    static String password() throws IOException {
        String text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    static void show(String address) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        call("getemail", "email_address", address).forEach((tag, value) -> {
            if (!tag.equals("command") && !tag.equals("status"))
                out.println(tag + ": " + value);
        });
    }

    static int run(String[] args) throws Exception {
        String command = args.length == 0 ? "" : args[0] + " " + (args.length - 1);
        if (System.getenv("BALANCE_KEYFILE") == null)
            command = "";
        switch (command) {
            case "add 2" -> call("addnewemail", "email_address", args[1], "boxid", args[2],
                    "user_password", password());
            case "password 1" -> call("commitmodifyemail", "email_address", args[1],
                    "user_password", password());
            case "show 1" -> show(args[1]);
            case "delete 1" -> call("deleteemail", "email_address", args[1]);
            default -> {
                System.err.print(USAGE);
                return 2;
            }
        }
        return 0;
    }

    public static void main(String[] args) {
        int status;
        try {
            status = run(args);
        } catch (Refused e) {
            System.err.println("Account.java: " + e.getMessage());
            status = 1;
        } catch (Exception e) {
            System.err.println("Account.java: cannot ask: " + e);
            status = 2;
        }
        System.exit(status);
    }
}
