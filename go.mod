module github.com/desktop-stack-serv/dss

go 1.26.0
